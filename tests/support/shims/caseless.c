/* Below WB_ROOT names are kept in lower case whatever they are asked for in, as on an old FAT disk.
 *
 * Only calls that make, look at and remove directories: enough for somebody who wants to know whether case matters.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *folded(const char *path, char *buffer, size_t size) {
    const char *root = getenv("WB_ROOT");
    size_t length = root ? strlen(root) : 0;
    if (!length || strncmp(path, root, length) || strlen(path) >= size) return path;
    strcpy(buffer, path);
    for (char *at = buffer + length; *at; at++) *at = (char)tolower((unsigned char)*at);
    return buffer;
}

#define LOOK(name, type)                                                  \
    int name(const char *path, struct type *found) {                      \
        char buffer[4096];                                                \
        return REAL(name)(folded(path, buffer, sizeof buffer), found);    \
    }
LOOK(stat, stat)
LOOK(lstat, stat)
LOOK(stat64, stat64)
LOOK(lstat64, stat64)

#define OPEN(name)                                                        \
    int name(const char *path, int flags, ...) {                          \
        char buffer[4096];                                                \
        va_list more;                                                     \
        va_start(more, flags);                                            \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more);                                                     \
        return REAL(name)(folded(path, buffer, sizeof buffer), flags, mode); \
    }
OPEN(open)
OPEN(open64)

int mkdir(const char *path, mode_t mode) {
    char buffer[4096];
    return REAL(mkdir)(folded(path, buffer, sizeof buffer), mode);
}

int rmdir(const char *path) {
    char buffer[4096];
    return REAL(rmdir)(folded(path, buffer, sizeof buffer));
}

int unlinkat(int directory, const char *path, int flags) {
    char buffer[4096];
    return REAL(unlinkat)(directory, folded(path, buffer, sizeof buffer), flags);
}
