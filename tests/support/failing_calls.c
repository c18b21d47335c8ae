/* Has the n-th system call fail that writes below a folder. Preloaded by tests. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { SHORT = -1 };

static char under[4096];
static int nth, seen, failure;

void fault_arm(int n, int error, const char *folder) {
    strncpy(under, folder, sizeof under - 1);
    seen = 0;
    failure = error;
    nth = n;
}

int fault_seen(void) { return seen; }

static int is_below(const char *path) {
    return under[0] && path && !strncmp(path, under, strlen(under));
}

static int is_open_below(int fd) {
    char link[64], path[4096];
    ssize_t size;

    if (!under[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return is_below(path);
}

static int strikes(void) { return __sync_add_and_fetch(&seen, 1) == nth; }

static int fails(void) {
    errno = failure == SHORT ? ENOSPC : failure;
    return -1;
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

/* A short write is followed by one that fails, as on a disk that is full now. */
#define WRITE(call_short, call) \
    if (is_open_below(fd) && strikes()) { \
        if (failure != SHORT || size < 2) return fails(); \
        nth = seen + 1; \
        failure = ENOSPC; \
        return call_short; \
    } \
    return call

ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    WRITE(real(fd, data, size / 2), real(fd, data, size));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    WRITE(real(fd, data, size / 2, at), real(fd, data, size, at));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    WRITE(real(fd, data, size / 2, at), real(fd, data, size, at));
}

#define SENDFILE(name, offset) \
    ssize_t name(int fd, int from, offset *at, size_t size) { \
        REAL(ssize_t, #name, int, int, offset *, size_t); \
        WRITE(real(fd, from, at, size / 2), real(fd, from, at, size)); \
    }

SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)

#define ON_FD(name) \
    int name(int fd) { \
        REAL(int, #name, int); \
        return is_open_below(fd) && strikes() ? fails() : real(fd); \
    }

ON_FD(fsync)
ON_FD(fdatasync)

int ftruncate64(int fd, off64_t size) {
    REAL(int, "ftruncate64", int, off64_t);
    return is_open_below(fd) && strikes() ? fails() : real(fd, size);
}

int ftruncate(int fd, off_t size) {
    REAL(int, "ftruncate", int, off_t);
    return is_open_below(fd) && strikes() ? fails() : real(fd, size);
}

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    return is_below(to) && strikes() ? fails() : real(from, to);
}

int link(const char *from, const char *to) {
    REAL(int, "link", const char *, const char *);
    return is_below(to) && strikes() ? fails() : real(from, to);
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    return is_below(path) && strikes() ? fails() : real(path, mode);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        mode_t mode = 0; \
        REAL(int, #name, const char *, int, ...); \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list rest; \
            va_start(rest, flags); \
            mode = va_arg(rest, mode_t); \
            va_end(rest); \
        } \
        if ((flags & O_CREAT) && is_below(path) && strikes()) return fails(); \
        return real(path, flags, mode); \
    }

OPEN(open)
OPEN(open64)
