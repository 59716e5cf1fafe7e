/* A disk that can lose power: preloaded into a process, it keeps the state that a cut would leave.
 *
 * MX_CUT_ROOT    folder that is watched
 * MX_CUT_SHADOW  folder for what is on the disk: file-<inode>-<born> holds the octets of a file
 *                when it was last synced, names-<inode>-<born> the names of a folder then
 * MX_CUT_FORGET  if set, syncs succeed and nothing reaches the disk (the control)
 * MX_CUT_FAIL    "sync k n" or "write k n": calls k to k+n-1 in the root fail (EIO, ENOSPC)
 *
 * Nothing that was not synced survives; a name survives only once its folder was synced.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static long seen_syncs, seen_writes;

long power_cut_syncs(void) { return seen_syncs; }
long power_cut_writes(void) { return seen_writes; }

/* The function of that name that would have been called without us. */
#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name)

static int is_watched(int fd)
{
    const char *root = getenv("MX_CUT_ROOT");
    char link[64], path[4096];
    if (!root) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    size_t prefix = strlen(root);
    return strncmp(path, root, prefix) == 0 && (path[prefix] == '/' || path[prefix] == 0);
}

/* Inode numbers are used again; together with the moment of birth they are not. */
static int name_of(int folder, const char *path, char *name, size_t size, unsigned *mode)
{
    struct statx found;
    int flags = AT_SYMLINK_NOFOLLOW | (*path ? 0 : AT_EMPTY_PATH);
    if (statx(folder, path, flags, STATX_BASIC_STATS | STATX_BTIME, &found)) return -1;
    *mode = found.stx_mode;
    snprintf(name, size, "%llu-%lld.%09u", (unsigned long long)found.stx_ino,
             (long long)found.stx_btime.tv_sec, found.stx_btime.tv_nsec);
    return 0;
}

static void keep_octets(int fd, FILE *out)
{
    static char piece[1 << 16];
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int in = open(link, O_RDONLY | O_CLOEXEC); /* fd may be open for writing only */
    off64_t at = 0;
    ssize_t got;
    while (in >= 0 && (got = pread64(in, piece, sizeof piece, at)) > 0) {
        fwrite(piece, 1, (size_t)got, out);
        at += got;
    }
    if (in >= 0) close(in);
}

static void keep_names(int fd, FILE *out)
{
    char link[64], name[128];
    unsigned mode;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    DIR *folder = opendir(link);
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (name_of(fd, entry->d_name, name, sizeof name, &mode)) continue;
        fprintf(out, "%c %s %s\n", S_ISDIR(mode) ? 'd' : 'f', name, entry->d_name);
    }
    if (folder) closedir(folder);
}

static void keep(int fd)
{
    const char *shadow = getenv("MX_CUT_SHADOW");
    char name[128], path[4096], unfinished[4200];
    unsigned mode;
    if (!shadow || getenv("MX_CUT_FORGET") || name_of(fd, "", name, sizeof name, &mode)) return;
    snprintf(path, sizeof path, "%s/%s-%s", shadow, S_ISDIR(mode) ? "names" : "file", name);
    snprintf(unfinished, sizeof unfinished, "%s.unfinished", path);
    FILE *out = fopen(unfinished, "w");
    if (!out) abort();
    if (S_ISDIR(mode)) keep_names(fd, out);
    else keep_octets(fd, out);
    if (fclose(out) || rename(unfinished, path)) abort();
}

/* Count a call in the root; tell whether it is one that fails. */
static int fails(const char *kind, long *seen)
{
    const char *wish = getenv("MX_CUT_FAIL");
    char which[8];
    long first, many;
    long number = __atomic_add_fetch(seen, 1, __ATOMIC_SEQ_CST);
    return wish && sscanf(wish, "%7s %ld %ld", which, &first, &many) == 3 &&
           !strcmp(which, kind) && number >= first && number < first + many;
}

static int synced(int fd, int (*real)(int))
{
    if (!is_watched(fd)) return real(fd);
    if (fails("sync", &seen_syncs)) { errno = EIO; return -1; }
    int outcome = real(fd);
    if (outcome == 0) {
        pthread_mutex_lock(&one_at_a_time);
        keep(fd);
        pthread_mutex_unlock(&one_at_a_time);
    }
    return outcome;
}

int fsync(int fd)
{
    REAL(fsync);
    return synced(fd, real);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    return synced(fd, real);
}

static int has_no_room(int fd)
{
    if (!getenv("MX_CUT_ROOT") || !is_watched(fd) || !fails("write", &seen_writes)) return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t write(int fd, const void *octets, size_t count)
{
    REAL(write);
    return has_no_room(fd) ? -1 : real(fd, octets, count);
}

ssize_t pwrite(int fd, const void *octets, size_t count, off_t at)
{
    REAL(pwrite);
    return has_no_room(fd) ? -1 : real(fd, octets, count, at);
}

ssize_t pwrite64(int fd, const void *octets, size_t count, off64_t at)
{
    REAL(pwrite64);
    return has_no_room(fd) ? -1 : real(fd, octets, count, at);
}
