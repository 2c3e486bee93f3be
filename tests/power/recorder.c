/* Stands between a program and the C library: records what it writes below one folder, in
 * order, and makes one of these calls fail when told to. Loaded with LD_PRELOAD.
 *
 * POWER_ROOT is the folder, POWER_LOG the file the record goes to. A record is: kind (1 byte),
 * length of the path (4), offset (8), length of the data (4), path, data; little-endian.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define FDS 4096
#define OP_CREATE 'c'
#define OP_WRITE 'w'
#define OP_TRUNCATE 't'
#define OP_SYNC 's'
#define OP_UNLINK 'u'
#define OP_RENAME 'r'

static char *paths[FDS];
static char root[4096];
static size_t root_length;
static int log_fd = -2;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int fail_kind, fail_in, fail_errno, failed;

/* Let the `in`-th next call of a kind ('w' or 's') fail with an errno; 0 disarms. */
void power_arm(int kind, int in, int number) {
    fail_kind = kind, fail_in = in, fail_errno = number, failed = 0;
}

/* Whether the armed failure has come. */
int power_failed(void) { return failed; }

static void begin(void) {
    const char *folder = getenv("POWER_ROOT"), *log = getenv("POWER_LOG");
    log_fd = -1;
    if (!folder) return;
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
    if (log) log_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
}

static int is_ours(const char *path) {
    if (log_fd == -2) begin();
    return root_length && strncmp(path, root, root_length) == 0
        && (path[root_length] == '/' || path[root_length] == 0);
}

static void put(const void *data, size_t length) {
    if (syscall(SYS_write, log_fd, data, length) != (ssize_t)length) abort();
}

static void note(char kind, const char *path, uint64_t offset, const void *data, uint32_t length) {
    uint32_t name = strlen(path);
    if (log_fd < 0) return;
    pthread_mutex_lock(&lock);
    put(&kind, 1), put(&name, 4), put(&offset, 8), put(&length, 4);
    put(path, name);
    if (length) put(data, length);
    pthread_mutex_unlock(&lock);
}

static int must_fail(int kind) {
    if (fail_kind != kind || fail_in <= 0 || --fail_in > 0) return 0;
    failed = 1;
    errno = fail_errno;
    return 1;
}

static const char *path_of(int fd) { return fd >= 0 && fd < FDS ? paths[fd] : NULL; }

static int opened(int fd, const char *path, int made) {
    if (fd >= 0 && fd < FDS) {
        free(paths[fd]);
        paths[fd] = is_ours(path) ? strdup(path) : NULL;
        if (paths[fd] && made) note(OP_CREATE, path, 0, NULL, 0);
    }
    return fd;
}

static int open_at(int folder, const char *path, int flags, mode_t mode) {
    struct stat there;
    int made = (flags & O_CREAT) && is_ours(path) && stat(path, &there) != 0;
    int fd = syscall(SYS_openat, folder, path, flags, mode);
    opened(fd, path, made);
    if (fd >= 0 && (flags & O_TRUNC) && !made && path_of(fd)) note(OP_TRUNCATE, path, 0, NULL, 0);
    return fd;
}

#define WITH_MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list more; \
        va_start(more, flags); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }

int open(const char *path, int flags, ...) {
    WITH_MODE(flags)
    return open_at(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    WITH_MODE(flags)
    return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int openat(int folder, const char *path, int flags, ...) {
    WITH_MODE(flags)
    return open_at(folder, path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
    WITH_MODE(flags)
    return open_at(folder, path, flags | O_LARGEFILE, mode);
}

int close(int fd) {
    if (path_of(fd)) free(paths[fd]), paths[fd] = NULL;
    return syscall(SYS_close, fd);
}

static ssize_t put_at(int fd, const void *data, size_t length, off_t offset, int seek) {
    const char *path = path_of(fd);
    ssize_t done;
    int fails = path && must_fail('w');
    if (fails) length /= 2; /* half of it is on the disk all the same */
    if (path && seek) {
        int flags = syscall(SYS_fcntl, fd, F_GETFL);
        offset = syscall(SYS_lseek, fd, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
    }
    done = seek ? syscall(SYS_write, fd, data, length)
                : syscall(SYS_pwrite64, fd, data, length, offset);
    if (path && done > 0) note(OP_WRITE, path, offset, data, done);
    if (fails) {
        errno = fail_errno;
        return -1;
    }
    return done;
}

ssize_t write(int fd, const void *data, size_t length) { return put_at(fd, data, length, 0, 1); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    return put_at(fd, data, length, offset, 0);
}
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    return put_at(fd, data, length, offset, 0);
}

static int cut(int fd, off_t size) {
    int done = syscall(SYS_ftruncate, fd, size);
    if (done == 0 && path_of(fd)) note(OP_TRUNCATE, path_of(fd), size, NULL, 0);
    return done;
}
int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off64_t size) { return cut(fd, size); }

static int sync_one(int fd, long call) {
    int done;
    if (path_of(fd) && must_fail('s')) return -1;
    done = syscall(call, fd);
    if (done == 0 && path_of(fd)) note(OP_SYNC, path_of(fd), 0, NULL, 0);
    return done;
}
int fsync(int fd) { return sync_one(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_one(fd, SYS_fdatasync); }

int unlink(const char *path) {
    int done = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (done == 0 && is_ours(path)) note(OP_UNLINK, path, 0, NULL, 0);
    return done;
}
int rename(const char *from, const char *to) {
    int done = syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    if (done == 0 && is_ours(from)) note(OP_RENAME, from, 0, to, strlen(to));
    return done;
}
