// SPDX-License-Identifier: GPL-2.0-only
/* The steps of a scenario, as the first process makes them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/prctl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA		0x53564d41
#define PR_SET_VMA_ANON_NAME	0
#endif

static sigjmp_buf escape;

static long raw(long result)
{
	return result == -1 ? -errno : result;
}

static const char *path_of(const char *folder, int slot)
{
	static char path[32];

	snprintf(path, sizeof(path), "%s%d", folder, slot);
	return path;
}

static int slot_of(unsigned long slot)
{
	if (slot >= SLOTS)
		die("there are 16 devices and 16 files");
	return slot;
}

long tell_driver(const char *what, const char *rest)
{
	char text[LINE];
	int length = snprintf(text, sizeof(text), "%s%s", what, rest);

	return write(control, text, length) == length ? 0 : -errno;
}

static long make_device(char *rest)
{
	int slot = slot_of(strtoul(rest, NULL, 16));
	long err = tell_driver("device 0x", rest);

	if (err)
		return err;
	if (files[0][slot] < 0) {
		files[0][slot] = open(path_of("/dev/premap", slot), O_RDWR);
		opened_by[0][slot] = ancestors;
	}
	return files[0][slot] < 0 ? -errno : 0;
}

static const char *folder_of(const char *kinds)
{
	if (strchr(kinds, 'n'))
		return "/noexec/";
	return strchr(kinds, 'c') ? "/cached/" : "/files/";
}

/* Opens a new file, as `kinds` says: n (noexec), m (memfd), s (memfd that is swap), z (zeroes), p (fifo), c (on ramfs). */
static int create(const char *kinds, int slot)
{
	if (strchr(kinds, 'm') || strchr(kinds, 's'))
		return memfd_create(path_of("", slot), MFD_ALLOW_SEALING);
	shared->named[slot] = true;
	if (strchr(kinds, 'p'))
		return mkfifo(path_of("/files/", slot), 0600) ? -1 :
		       open(path_of("/files/", slot), O_RDWR);
	if (strchr(kinds, 'z')) {
		if (mknod(path_of("/files/", slot), S_IFCHR | 0600, makedev(1, 5)))
			return -1;
		return open(path_of("/files/", slot), O_RDWR);
	}
	return open(path_of(folder_of(kinds), slot), O_RDWR | O_CREAT | O_EXCL, 0600);
}

/* A file that is append-only can't be unlinked. */
static void unlink_file(const char *path)
{
	int fd, flags = 0;

	if (!unlink(path) || errno != EPERM)
		return;
	fd = open(path, O_RDONLY);
	if (fd < 0 || ioctl(fd, FS_IOC_SETFLAGS, &flags) || unlink(path))
		die("a file that is append-only");
	close(fd);
}

void unlink_files(void)
{
	int slot;

	for (slot = 0; slot < SLOTS; slot++) {
		if (!shared->named[slot])
			continue;
		shared->named[slot] = false;
		unlink_file(path_of("/files/", slot));
		unlink_file(path_of("/noexec/", slot));
		unlink_file(path_of("/cached/", slot));
	}
}

static int reopened(int fd, int how)
{
	char path[32];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, how);
	close(fd);
	return again;
}

static long write_pages(int fd, unsigned long size, const char *name)
{
	char text[64];
	unsigned long at;

	for (at = 0; at < size; at += PAGE) {
		size_t length = snprintf(text, sizeof(text), "%s:%lu", name, at / PAGE);

		if (length > size - at)
			length = size - at;
		if (pwrite(fd, text, length, at) != (ssize_t)length)
			return -errno;
	}
	return 0;
}

/* KINDS: w (read and write), r (read only) or o (write only), then any of the rest. */
static long make_file(char *rest)
{
	int slot = slot_of(number(&rest)), append = FS_APPEND_FL;
	unsigned long size = number(&rest);
	const char *kinds = word(&rest);
	bool empty = strchr(kinds, 'z') || strchr(kinds, 'p');
	int fd = create(kinds, slot);
	long err;

	if (fd < 0 || (!empty && ftruncate(fd, size)))
		return -errno;
	err = empty ? 0 : write_pages(fd, size, rest);
	if (err)
		return err;
	if (*kinds != 'w')
		fd = reopened(fd, *kinds == 'r' ? O_RDONLY : O_WRONLY);
	if (strchr(kinds, 'a') && ioctl(fd, FS_IOC_SETFLAGS, &append))
		return -errno;
	if (strchr(kinds, 's')) {
		char text[16];

		snprintf(text, sizeof(text), "%d", fd);
		err = tell_driver("swapfile ", text);
		if (err)
			return err;
	}
	files[1][slot] = fd;
	opened_by[1][slot] = ancestors;
	return fd < 0 ? -errno : 0;
}

static long seal(char *rest)
{
	int slot = slot_of(number(&rest));

	return raw(fcntl(files[1][slot], F_ADD_SEALS, (int)number(&rest)));
}

static long name_memory(char *rest)
{
	unsigned long addr = number(&rest), length = number(&rest);

	return raw(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, addr, length, rest));
}

static int kind_of(const char *name)
{
	return *name == 'f';
}

static int file_of(const char *name)
{
	return *name == '-' ? -1 : files[kind_of(name)][slot_of(strtoul(name + 1, NULL, 16))];
}

/* The driver counts, of files by their descriptors, and how many ancestors have them, too. */
static long count(char *rest)
{
	char text[LINE] = "";

	while (rest && *rest) {
		char *name = word(&rest);
		int held = ancestors - opened_by[kind_of(name)][slot_of(strtoul(name + 1, NULL, 16))];

		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d/%d", file_of(name),
			 held);
	}
	return tell_driver("counts", text);
}

static long map(char *rest)
{
	char *file = word(&rest);
	unsigned long addr = number(&rest), length = number(&rest), prot = number(&rest);
	unsigned long flags = number(&rest), offset = number(&rest);

	return raw(syscall(SYS_mmap, addr, length, prot, flags, file_of(file), offset));
}

static long call(char *rest)
{
	unsigned long which = number(&rest), a = number(&rest), b = number(&rest);
	unsigned long c = number(&rest), d = number(&rest), e = number(&rest), f = number(&rest);

	locked_all |= which == SYS_mlockall;
	return raw(syscall(which, a, b, c, d, e, f));
}

static void on_signal(int signal)
{
	siglongjmp(escape, signal);
}

static const char *touch(char *rest)
{
	volatile char *byte = (volatile char *)(number(&rest) | (PAGE - 1));
	int signal = sigsetjmp(escape, 0);

	if (signal)
		return signal == SIGSEGV ? "SIGSEGV" : "SIGBUS";
	if (*rest == 'w')
		*byte = 'w';
	else
		(void)*byte;
	return "ok";
}

static const char *peek(char *rest)
{
	static char text[64];
	const volatile char *page = (const volatile char *)(number(&rest) & -PAGE);
	int signal = sigsetjmp(escape, 0);
	size_t i;

	if (signal)
		return signal == SIGSEGV ? "SIGSEGV" : "SIGBUS";
	text[0] = '=';
	for (i = 0; i < sizeof(text) - 2 && page[i]; i++)
		text[i + 1] = page[i];
	text[i + 1] = '\0';
	return i ? text : "zero";
}

static void report(bool entries, int from)
{
	if (entries && tell_driver("entries", ""))
		die("the driver");
	put_mappings(from);
}

/* FLAGS: e, the driver notes its page table entries as well; c and o, the scenario goes on there. */
static long report_child(const char *flags)
{
	bool entries = flags && strchr(flags, 'e'), orphan = flags && strchr(flags, 'o');
	int status;
	long err;
	pid_t child;

	if (orphan || (flags && strchr(flags, 'c'))) {
		err = go_on_in_child(orphan);
		if (!err)
			report(entries, smaps);
		return err;
	}
	child = fork();
	if (child < 0)
		return -errno;
	if (!child) {
		report(entries, open("/proc/self/smaps", O_RDONLY));
		_exit(0);
	}
	if (waitpid(child, &status, 0) < 0 || status)
		die("a child did not end well");
	return 0;
}

bool step(char *command)
{
	const char *text = NULL;
	long result = 0;
	char *rest = command;
	char which = *word(&rest);

	if (which == 'e')
		return false;
	if (which == 'd')
		result = make_device(rest);
	else if (which == 'i')
		result = tell_driver("fail ", rest);
	else if (which == 'x')
		result = tell_driver(rest, "");
	else if (which == 'c')
		result = count(rest);
	else if (which == 'f')
		result = make_file(rest);
	else if (which == 'a')
		result = seal(rest);
	else if (which == 'n')
		result = name_memory(rest);
	else if (which == 'm')
		result = map(rest);
	else if (which == 's')
		result = call(rest);
	else if (which == 't')
		text = touch(rest);
	else if (which == 'p')
		text = peek(rest);
	else if (which == 'k')
		result = report_child(rest);
	else
		die("unknown command");
	put_events();
	if (which != 'k' || result)
		put_mappings(smaps);
	if (!text)
		put_result(result);
	else {
		put_text("r ");
		put_text(text);
		put_text("\n");
	}
	return true;
}

void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}
