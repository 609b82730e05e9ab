/* A disk that fails at random: cc -shared -fPIC -o failing_disk.so failing_disk.c -ldl, then LD_PRELOAD it.

   What writes to a file below FAILING_FOLDER fails with EIO, FAILING_PER_MILLE times of a thousand, in an order that FAILING_SEED
   makes. Pipes, sockets and files elsewhere work as ever. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fails_now(void) {
    static unsigned long long state;
    if (!state) state = 0x9E3779B97F4A7C15ull * (1 + strtoull(getenv("FAILING_SEED"), NULL, 10));
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    if ((state >> 33) % 1000 >= strtoull(getenv("FAILING_PER_MILLE"), NULL, 10)) return 0;
    errno = EIO;
    return 1;
}

static int strikes_path(const char *path) {
    const char *folder = getenv("FAILING_FOLDER");
    return folder && !strncmp(path, folder, strlen(folder)) && fails_now();
}

static int strikes(int fd) {
    char link[64], path[4096];
    if (!getenv("FAILING_FOLDER")) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return strikes_path(path);
}

#define REAL(type, name, ...) static type (*real)(__VA_ARGS__); if (!real) real = dlsym(RTLD_NEXT, name)

ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return strikes(fd) ? -1 : real(fd, data, size);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t size) {
    REAL(ssize_t, "sendfile", int, int, off_t *, size_t);
    return strikes(out) ? -1 : real(out, in, offset, size);
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
    REAL(size_t, "fwrite", const void *, size_t, size_t, FILE *);
    return strikes(fileno(file)) ? 0 : real(data, size, count, file);
}

int fsync(int fd) {
    REAL(int, "fsync", int);
    return strikes(fd) ? -1 : real(fd);
}

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    return strikes_path(to) ? -1 : real(from, to);
}
