/* Faults at the n-th input or output call of a process, for calls about files below given folders only.

   Loaded with LD_PRELOAD.  `fault_arm` says what shall happen at the n-th call of the given kinds; a forked child
   inherits it.  Everything that a process does with the disk passes here, SQLite's own calls included. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { READ = 1, CREATE = 2, WRITE = 4, SYNC = 8, NAME = 16, LOCK = 32, SIZE = 64 };
enum { OFF, FAIL, FAIL_FROM_HERE_ON, SHORT, KILL, TEAR, INTERRUPT };

/* Shared with the parent, which asks after the death of the process where it died. */
static struct state {
  int mode, kinds, error;
  long at, count, hits;
  char where[PATH_MAX + 32];
} *state;

static char roots[4][PATH_MAX];

__attribute__((constructor)) static void begin(void) {
  state = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (state == MAP_FAILED) abort();
}

void fault_arm(int mode, int kinds, int error, long at) {
  state->mode = OFF;
  state->kinds = kinds, state->error = error, state->at = at;
  state->count = 0, state->hits = 0, state->where[0] = 0;
  state->mode = mode;
}

void fault_disarm(void) { state->mode = OFF; }
void fault_root(int number, const char *path) { snprintf(roots[number], PATH_MAX, "%s", path); }
long fault_count(void) { return state->count; }
long fault_hits(void) { return state->hits; }
const char *fault_where(void) { return state->where; }

static int concerned(const char *path) {
  for (int each = 0; each < 4; each++) {
    size_t length = strlen(roots[each]);
    if (length && !strncmp(path, roots[each], length) && (!path[length] || path[length] == '/')) return 1;
  }
  return 0;
}

static int path_of(int fd, char *path) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  path[length < 0 ? 0 : length] = 0;
  return length >= 0;
}

/* Count a call; return whether it is the one. */
static int strikes(const char *call, int kind, const char *path) {
  if (state->mode == OFF || !(state->kinds & kind) || !concerned(path)) return 0;
  long number = __atomic_add_fetch(&state->count, 1, __ATOMIC_SEQ_CST);
  if (number != state->at && !(state->mode == FAIL_FROM_HERE_ON && number > state->at)) return 0;
  if (__atomic_add_fetch(&state->hits, 1, __ATOMIC_SEQ_CST) == 1)
    snprintf(state->where, sizeof state->where, "%s %s", call, path);
  return 1;
}

/* Do what is to be done at this call; return whether it fails. */
static int fails(const char *call, int kind, const char *path) {
  int saved = errno;
  int is_it = strikes(call, kind, path);
  errno = saved;
  if (!is_it) return 0;
  if (state->mode == KILL || state->mode == TEAR) kill(getpid(), SIGKILL);
  if (state->mode == INTERRUPT) kill(getpid(), SIGINT);
  if (state->mode != FAIL && state->mode != FAIL_FROM_HERE_ON) return 0;
  errno = state->error;
  return 1;
}

static int fails_at(const char *call, int kind, int folder, const char *path) {
  char whole[2 * PATH_MAX] = "";
  if (state->mode == OFF) return 0;
  if (path[0] == '/' || folder == AT_FDCWD) return fails(call, kind, path);
  path_of(folder, whole);
  strncat(whole, "/", 2);
  strncat(whole, path, PATH_MAX - 1);
  return fails(call, kind, whole);
}

static int fails_on(const char *call, int kind, int fd) {
  char path[PATH_MAX];
  int saved = errno;
  if (state->mode == OFF || !(state->kinds & kind) || !path_of(fd, path)) {
    errno = saved;
    return 0;
  }
  errno = saved;
  return fails(call, kind, path);
}

/* A write is cut short, or is half done when the process dies; returns how much of it is to be done. */
static size_t part(const char *call, int fd, size_t size, int *dies) {
  char path[PATH_MAX];
  *dies = 0;
  if ((state->mode != SHORT && state->mode != TEAR) || size < 2 || !path_of(fd, path)) return size;
  if (!strikes(call, WRITE, path)) return size;
  *dies = state->mode == TEAR;
  return size / 2;
}

#define REAL(name) \
  static __typeof__(name) *real; \
  if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int kind_of_open(int flags) { return (flags & (O_CREAT | O_WRONLY | O_RDWR | O_TRUNC)) ? CREATE : READ; }

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    return fails_at(#name, kind_of_open(flags), AT_FDCWD, path) ? -1 : real(path, flags, mode); \
  }
#define OPENAT(name) \
  int name(int folder, const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    return fails_at(#name, kind_of_open(flags), folder, path) ? -1 : real(folder, path, flags, mode); \
  }
OPEN(open) OPEN(open64) OPENAT(openat) OPENAT(openat64)

DIR *opendir(const char *path) {
  REAL(opendir);
  return fails_at("opendir", READ, AT_FDCWD, path) ? NULL : real(path);
}

ssize_t read(int fd, void *buffer, size_t size) {
  REAL(read);
  return fails_on("read", READ, fd) ? -1 : real(fd, buffer, size);
}
#define PREAD(name, offset_type) \
  ssize_t name(int fd, void *buffer, size_t size, offset_type offset) { \
    REAL(name); \
    return fails_on(#name, READ, fd) ? -1 : real(fd, buffer, size, offset); \
  }
PREAD(pread, off_t) PREAD(pread64, off64_t)

ssize_t write(int fd, const void *buffer, size_t size) {
  REAL(write);
  int dies = 0;
  if (state->mode != SHORT && state->mode != TEAR && fails_on("write", WRITE, fd)) return -1;
  ssize_t written = real(fd, buffer, part("write", fd, size, &dies));
  if (dies) kill(getpid(), SIGKILL);
  return written;
}
#define PWRITE(name, offset_type) \
  ssize_t name(int fd, const void *buffer, size_t size, offset_type offset) { \
    REAL(name); \
    int dies = 0; \
    if (state->mode != SHORT && state->mode != TEAR && fails_on(#name, WRITE, fd)) return -1; \
    ssize_t written = real(fd, buffer, part(#name, fd, size, &dies), offset); \
    if (dies) kill(getpid(), SIGKILL); \
    return written; \
  }
PWRITE(pwrite, off_t) PWRITE(pwrite64, off64_t)

ssize_t copy_file_range(int from, off64_t *start, int fd, off64_t *at, size_t size, unsigned flags) {
  REAL(copy_file_range);
  int dies = 0;
  if (state->mode != SHORT && state->mode != TEAR && fails_on("copy_file_range", WRITE, fd)) return -1;
  ssize_t copied = real(from, start, fd, at, part("copy_file_range", fd, size, &dies), flags);
  if (dies) kill(getpid(), SIGKILL);
  return copied;
}

#define ON_FD(name, kind, arguments, ...) \
  int name arguments { \
    REAL(name); \
    return fails_on(#name, kind, fd) ? -1 : real(__VA_ARGS__); \
  }
ON_FD(fsync, SYNC, (int fd), fd)
ON_FD(fdatasync, SYNC, (int fd), fd)
ON_FD(syncfs, SYNC, (int fd), fd)
ON_FD(ftruncate, SIZE, (int fd, off_t size), fd, size)
ON_FD(ftruncate64, SIZE, (int fd, off64_t size), fd, size)
ON_FD(fchmod, NAME, (int fd, mode_t mode), fd, mode)
ON_FD(flock, LOCK, (int fd, int operation), fd, operation)

#define ON_PATH(name, kind, arguments, ...) \
  int name arguments { \
    REAL(name); \
    return fails_at(#name, kind, AT_FDCWD, path) ? -1 : real(__VA_ARGS__); \
  }
#define ON_PATH_AT(name, kind, arguments, ...) \
  int name arguments { \
    REAL(name); \
    return fails_at(#name, kind, folder, path) ? -1 : real(__VA_ARGS__); \
  }
ON_PATH(unlink, NAME, (const char *path), path)
ON_PATH(rmdir, NAME, (const char *path), path)
ON_PATH(mkdir, CREATE, (const char *path, mode_t mode), path, mode)
ON_PATH(chmod, NAME, (const char *path, mode_t mode), path, mode)
ON_PATH(rename, NAME, (const char *path, const char *to), path, to)
ON_PATH(link, NAME, (const char *path, const char *to), path, to)
ON_PATH_AT(unlinkat, NAME, (int folder, const char *path, int flags), folder, path, flags)
ON_PATH_AT(mkdirat, CREATE, (int folder, const char *path, mode_t mode), folder, path, mode)
ON_PATH_AT(fchmodat, NAME, (int folder, const char *path, mode_t mode, int flags), folder, path, mode, flags)
ON_PATH_AT(renameat, NAME, (int folder, const char *path, int other, const char *to), folder, path, other, to)
ON_PATH_AT(linkat, NAME, (int folder, const char *path, int other, const char *to, int flags), folder, path, other, to,
           flags)
ON_PATH_AT(utimensat, NAME, (int folder, const char *path, const struct timespec times[2], int flags), folder, path,
           times, flags)
