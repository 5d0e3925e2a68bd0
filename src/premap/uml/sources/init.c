// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first process of a kernel that premap builds. It reads commands from the console; a child runs
 * them, with raw system calls. A child runs one scenario after another for as long as each leaves
 * the process as it was, to the byte of /proc/self/maps: a new process takes ten times as long.
 *
 * One command a line, numbers in hexadecimal:
 *
 *	b LOW HIGH			begin: mappings in [LOW, HIGH) are reported
 *	d SLOT KEY=VALUE ...		write a programme to the driver
 *	i POINT AFTER ERRNO		let that point fail
 *	x TEXT				tell the driver that
 *	c FILE...			let it count: mappings, memory, references of files
 *	f SLOT SIZE KINDS NAME		make a file whose page i begins with NAME:i
 *	a SLOT SEALS			seal a file
 *	n ADDR LEN NAME			name anonymous memory
 *	m FILE ADDR LEN PROT FLAGS OFF	mmap; FILE is d SLOT or f SLOT without the space, or -
 *	s NUMBER A B C D E F		any other system call
 *	t ADDR ACCESS			touch the last byte of the page (ACCESS: r or w)
 *	p ADDR				peek: the text at the beginning of the page
 *	k FLAGS				fork, report the child's mappings (FLAGS e: entries, too;
 *					c: go on in the child; o: the same, when the parent is gone)
 *	e				end of the scenario
 *
 * What comes back for each but the last: the driver's log; `v START END OFFSET FILE FLAGS...` for
 * each mapping; `r RESULT`, a number, a signal, or =TEXT. For the last: `e STATUS`, as wait() has it.
 *
 * The program is linked above most windows, so that their mappings come first in smaps.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"

#define TABLE		(2UL << 20)	/* what one page of page table entries covers */

struct shared *shared;
int console, control, smaps;
unsigned long low, high;
int files[2][SLOTS];
int ancestors, opened_by[2][SLOTS];
bool locked_all;
static unsigned long held[2];
static int maps;
static bool is_child;	/* of a process that ran a part of the scenario */

/*
 * User Mode Linux forgets to unmap what lay in a page table that goes and comes back within one
 * system call. So a page before the window and one behind it stay mapped, in the same page tables.
 * (Nothing holds a table between the first and the last of a window.)
 */
static void hold_page(int which, unsigned long page)
{
	if (mmap((void *)page, PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
		return;
	*(volatile char *)page = 1;
	held[which] = page;
}

static void hold_page_tables(void)
{
	unsigned long first = low & -TABLE, last = ((high - 1) | (TABLE - 1)) + 1 - PAGE;

	if (first < low)
		hold_page(0, first);
	if (last >= high)
		hold_page(1, last);
}

static void release_page_tables(void)
{
	int i;

	for (i = 0; i < 2; i++)
		if (held[i])
			munmap((void *)held[i], PAGE);
	memset(held, 0, sizeof(held));
}

/* What the process has mapped: the same after a scenario as before, or it must not run another. */
static size_t read_maps(char *text, size_t size)
{
	size_t length = 0;
	ssize_t count;

	while ((count = pread(maps, text + length, size - length, length)) > 0)
		length += count;
	return length;
}

static void begin(char *rest)
{
	char *window = strdupa(rest);
	unsigned long new_low = number(&rest), new_high = number(&rest);
	size_t before = shared->out_length;

	memset(files, -1, sizeof(files));
	if (new_low != low || new_high != high) {
		release_page_tables();
		low = new_low;
		high = new_high;
		hold_page_tables();
		shared->maps_length = read_maps(shared->maps, sizeof(shared->maps));
	}
	unlink_files();
	if (tell_driver("reset ", window))
		die("the driver");
	put_mappings(smaps);
	if (shared->out_length == before)
		return;
	shared->out_length = before;
	errno = EEXIST;
	die("the window is not empty");
}

/* Returns whether the process is as it was before the scenario. */
static bool end(void)
{
	int i, j;
	size_t length;

	if (tell_driver("reset ", "0 0"))
		die("the driver");
	if (locked_all)
		munlockall();
	locked_all = false;
	for (i = 0; i < 2; i++)
		for (j = 0; j < SLOTS; j++)
			if (files[i][j] >= 0)
				close(files[i][j]);
	if (munmap((void *)low, high - low))
		return false;
	length = read_maps(shared->smaps, sizeof(shared->smaps));
	return length == shared->maps_length && !memcmp(shared->smaps, shared->maps, length);
}

static void look_at_oneself(void)
{
	smaps = open("/proc/self/smaps", O_RDONLY);
	maps = open("/proc/self/maps", O_RDONLY);
}

/* A parent that stays until its children are gone: none of them has the pipe open then. */
static void stay(int pipes[2])
{
	char byte;

	close(pipes[1]);
	while (read(pipes[0], &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

long go_on_in_child(bool orphan)
{
	pid_t parent = getpid();
	int pipes[2];
	long child;

	if (!orphan && pipe(pipes))
		return -errno;
	child = fork();
	if (child > 0 && orphan)
		_exit(0);
	if (child > 0)
		stay(pipes);
	if (child < 0) {
		child = -errno;
		if (!orphan) {
			close(pipes[0]);
			close(pipes[1]);
		}
		return child;
	}
	while (orphan && getppid() == parent)
		sched_yield();
	close(smaps);
	close(maps);
	look_at_oneself();
	is_child = true;
	ancestors += !orphan;
	return tell_driver("forked ", orphan ? "orphan" : "child");
}

/* The child: runs scenarios for as long as they leave nothing behind. */
static void run_scenarios(void)
{
	char *line;

	catch_signals();
	look_at_oneself();
	while ((line = read_line())) {
		if (*line != 'b')
			die("a scenario begins with b");
		shared->in_scenario = true;
		begin(line + 2);
		while ((line = read_line()) && step(line))
			;
		if (!line)
			break;
		shared->in_scenario = false;
		put_text("e 0\n");
		if (!end() || is_child)
			_exit(0);
	}
	flush();
	_exit(0);
}

/* Tells how a child ended that should not have, and passes over the rest of its scenario. */
static void mourn(int status)
{
	char *line;

	put_text("e");
	put_number(status);
	put_text("\n");
	while (shared->in_scenario && (line = read_line()) && *line != 'e')
		;
	shared->in_scenario = false;
}

/* Waits for a child, and for what it has left; returns how the first ended that did not end well. */
static int wait_for_all(void)
{
	int status, first = 0;

	for (;;) {
		if (wait(&status) >= 0)
			first = first ?: status;
		else if (errno == ECHILD)
			return first;
		else if (errno != EINTR)
			die("wait");
	}
}

int main(void)
{
	int status;
	pid_t child;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("files", "/files", "tmpfs", 0, NULL);
	mount("cached", "/cached", "ramfs", 0, NULL);
	mount("noexec", "/noexec", "tmpfs", MS_NOEXEC, NULL);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		_exit(1);
	console = open("/dev/premap-console", O_RDWR);
	if (console < 0)
		_exit(1);
	control = open("/dev/premap", O_RDWR);
	if (control < 0)
		die("/dev/premap");
	put_events();
	put_text("ready\n");
	while (has_input()) {
		child = fork();
		if (child < 0)
			die("fork");
		if (!child)
			run_scenarios();
		status = wait_for_all();
		if (status)
			mourn(status);
	}
	reboot(RB_POWER_OFF);
}
