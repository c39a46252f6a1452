"""Ids of blobs, trees and commits: those that git itself gives.

The expected values were made with git 2.39 in a new repository::

    printf 'hello\\n' > a.txt; : > empty; mkdir -p a b/c; printf '{"x": 1}' > a/config.json
    printf 'é\\n' > 'b/c/sp ce+%#?é.txt'; printf z > a-b; printf y > a0
    printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%s\\nsize 3000000\\n' $LARGE > model.safetensors
    git add -A; git write-tree; git ls-tree -r -t $TREE
    printf 'tree %s\\nauthor weighbridge <> 0 +0000\\ncommitter weighbridge <> 0 +0000\\n\\n' $TREE |
        git hash-object -t commit --stdin --literally
"""

from __future__ import annotations

import pytest

from weighbridge.mirror.git import commit_id, object_id, pointer_text, tree_ids

LARGE = "6ba4692bb1d46d4e96288fae575945dfcb6f2e019ef92499b248f6a69e4c1913"
TREE = "ea82614115faac38e3d858bf70e68661bbdd7d5f"
BLOBS = {
    "a-b": "fa7af8bf5fdd704f73beb3adc5612682a98e1af5",
    "a.txt": "ce013625030ba8dba906f756967f9e9ca394464a",
    "a/config.json": "3fafbf7251e2c961284595b81bf4d2031eb07003",
    "a0": "e25f1814e51579d5f55c0f1fe0135ddb28a47f4a",
    "b/c/sp ce+%#?é.txt": "c6003325155f475bd7c87731607525dce73be9cf",
    "empty": "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "model.safetensors": "87d27b3c22772d230ede279560c57bc9599ea0af",
}


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"hello\n", "a.txt"),
        (b"", "empty"),
        (b'{"x": 1}', "a/config.json"),
        ("é\n".encode(), "b/c/sp ce+%#?é.txt"),
        (pointer_text(LARGE, 3_000_000), "model.safetensors"),
    ],
)
def test_blobs_have_the_ids_that_git_gives(content: bytes, path: str) -> None:
    """Clients that verify what they have compare with these."""
    assert object_id("blob", content) == BLOBS[path]


def test_folders_have_the_ids_that_git_gives() -> None:
    """A folder called "a" comes after "a-b" and "a.txt", for git sorts it as "a/"."""
    assert tree_ids(BLOBS) == {
        "": TREE,
        "a": "925a25e2e5679200d923962503b88f3bee0f6883",
        "b": "7f21ac0544cfa3bb86d2cceb5860c06ab78f8b1f",
        "b/c": "60b86b067d05ba93a248601834c1392f9429293c",
    }


def test_order_of_the_files_does_not_matter() -> None:
    """The same content would have another commit on another file system."""
    assert tree_ids(dict(reversed(BLOBS.items()))) == tree_ids(BLOBS)


def test_empty_repository_has_the_empty_tree() -> None:
    """A folder without files would be an internal error."""
    assert tree_ids({}) == {"": "4b825dc642cb6eb9a060e54bf8d69288fbee4904"}


def test_commit_has_the_id_that_git_gives() -> None:
    """Two mirrors of the same content would disagree, and every cache hold it twice."""
    assert commit_id(TREE) == "fc4ab267fa0ea36744b9253b09beb287267c48b3"


def test_deep_folders_are_no_matter() -> None:
    """A folder deeper than anybody's would end in a RecursionError."""
    assert len(tree_ids({"/".join("d" * 200): BLOBS["empty"]})) == 200
