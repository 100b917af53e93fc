"""`python -m evalplanner_trainer.transfer put LOCAL URL | get URL LOCAL | write URL TEXT | read URL | remove URL`: files and
folders to and from any file system of fsspec."""

import sys
from pathlib import Path

import fsspec


def put(local: str, url: str) -> None:
    fs, path = fsspec.core.url_to_fs(url)
    if Path(local).is_dir():
        fs.put(f"{local}/", f"{path}/", recursive=True)
    else:
        fs.put_file(local, path)


def get(url: str, local: str) -> None:
    fs, path = fsspec.core.url_to_fs(url)
    fs.get(f"{path}/", f"{local}/", recursive=True)


def write(url: str, text: str) -> None:
    fs, path = fsspec.core.url_to_fs(url)
    fs.pipe_file(path, text.encode())


def read(url: str) -> None:
    fs, path = fsspec.core.url_to_fs(url)
    sys.stdout.buffer.write(fs.cat_file(path))


def remove(url: str) -> None:
    fs, path = fsspec.core.url_to_fs(url)
    if fs.exists(path):
        fs.rm(path, recursive=True)


if __name__ == "__main__":
    commands = {command.__name__: command for command in (put, get, write, read, remove)}
    commands[sys.argv[1]](*sys.argv[2:])
