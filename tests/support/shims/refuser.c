/* Refuses calls that some file systems do not have: WB_REFUSED holds "CALL:ERRNO", several separated by ';'.
 *
 * CALL is flock, symlink or link; hard links and symbolic links are refused by whatever name they are asked for.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int refusal_of(const char *call) {
    const char *at = getenv("WB_REFUSED");
    while (at != NULL && *at != '\0') {
        char name[16];
        int number, length = 0;
        if (sscanf(at, "%15[^:]:%d%n", name, &number, &length) < 2) return 0;
        if (strcmp(name, call) == 0) return number;
        at += length + (at[length] == ';');
    }
    return 0;
}

#define OR_REFUSE(call, otherwise)              \
    int number = refusal_of(call);              \
    if (number == 0) return otherwise;          \
    errno = number;                             \
    return -1

int flock(int descriptor, int operation) { OR_REFUSE("flock", REAL(flock)(descriptor, operation)); }

int symlink(const char *target, const char *path) { OR_REFUSE("symlink", REAL(symlink)(target, path)); }

int symlinkat(const char *target, int directory, const char *path) {
    OR_REFUSE("symlink", REAL(symlinkat)(target, directory, path));
}

int link(const char *old, const char *path) { OR_REFUSE("link", REAL(link)(old, path)); }

int linkat(int from, const char *old, int to, const char *path, int flags) {
    OR_REFUSE("link", REAL(linkat)(from, old, to, path, flags));
}
