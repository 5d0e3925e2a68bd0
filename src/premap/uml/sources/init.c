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
 *	f SLOT SIZE MODE NAME		make a file (MODE: r or rw) whose page i begins with NAME:i
 *	m FILE ADDR LEN PROT FLAGS OFF	mmap; FILE is d SLOT or f SLOT without the space, or -
 *	s NUMBER A B C D E F		any other system call
 *	t ADDR ACCESS			touch the last byte of the page (ACCESS: r or w)
 *	p ADDR				peek: the text at the beginning of the page
 *	k				fork, report the child's mappings
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
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE		4096UL
#define TABLE		(2UL << 20)	/* what one page of page table entries covers */
#define SLOTS		16
#define INPUT		65536
#define OUTPUT		(1 << 20)
#define LINE		1024
#define DRIVER_LOG	(256 << 10)

/* Shared between the process and its children: what one has read, another goes on with. */
struct shared {
	size_t in_from, in_to, out_length;
	char in[INPUT];
	char out[OUTPUT];
	char log[DRIVER_LOG];
	char smaps[1 << 16];
	char maps[1 << 16];
	size_t maps_length;
	bool in_scenario;
};

static struct shared *shared;
static int console, control;
static unsigned long low, high, held[2];
static int files[2][SLOTS];	/* devices, files */
static int smaps, maps;
static sigjmp_buf escape;

static void flush(void)
{
	size_t done = 0;

	while (done < shared->out_length) {
		ssize_t count = write(console, shared->out + done, shared->out_length - done);

		if (count > 0)
			done += count;
		else if (errno != EINTR && errno != EAGAIN)
			_exit(1);
	}
	shared->out_length = 0;
}

static void put(const char *text, size_t length)
{
	if (length > OUTPUT - shared->out_length)
		flush();
	memcpy(shared->out + shared->out_length, text, length);
	shared->out_length += length;
}

static void put_text(const char *text)
{
	put(text, strlen(text));
}

static void put_number(unsigned long number)
{
	char digits[20], *at = digits + sizeof(digits);

	do {
		*--at = "0123456789abcdef"[number & 15];
		number >>= 4;
	} while (number);
	*--at = ' ';
	put(at, digits + sizeof(digits) - at);
}

static void die(const char *what)
{
	put_text("! ");
	put_text(what);
	put_text(": ");
	put_text(strerror(errno));
	put_text("\n");
	flush();
	_exit(1);
}

/* Waits for commands; what is to be written is written before. False at the end of them. */
static bool has_input(void)
{
	ssize_t count;

	if (shared->in_from < shared->in_to)
		return true;
	flush();
	do {
		count = read(console, shared->in, INPUT);
	} while (count < 0 && errno == EINTR);
	shared->in_from = 0;
	shared->in_to = count > 0 ? count : 0;
	return count > 0;
}

/* Reads a line of commands. NULL at the end of them. */
static char *read_line(void)
{
	static char line[LINE];
	size_t length = 0;

	while (has_input()) {
		char c = shared->in[shared->in_from++];

		if (c == '\n') {
			line[length] = '\0';
			return line;
		}
		if (length == LINE - 1)
			die("a command is too long");
		line[length++] = c;
	}
	return NULL;
}

static char *word(char **rest)
{
	char *found = strsep(rest, " ");

	return found ? found : "";
}

static unsigned long number(char **rest)
{
	return strtoul(word(rest), NULL, 16);
}

/* Mappings. */

/* START-END MODE OFFSET DEVICE INODE     PATH */
static void put_mapping(char *header, const char *flags)
{
	unsigned long start = strtoul(header, &header, 16);
	unsigned long end = strtoul(header + 1, &header, 16);
	unsigned long offset = strtoul(header + 6, &header, 16);
	const char *path = strchr(header, '/');

	put_text("v");
	put_number(start);
	put_number(end);
	put_number(offset);
	if (path && !strncmp(path, "/dev/premap", 11)) {
		put_text(" d");
		put_text(path + 11);
	} else if (path && !strncmp(path, "/files/", 7)) {
		put_text(" f");
		put(path + 7, strcspn(path + 7, " "));
	} else {
		put_text(" -");
	}
	put_text(flags);
	put_text("\n");
}

/* One line of smaps; returns false above the window. */
static bool scan(char *line)
{
	static char header[LINE];
	static bool inside;

	if (*line >= 'a' || *line <= '9') {
		unsigned long start = strtoul(line, NULL, 16);

		inside = low <= start && start < high;
		if (inside && strlen(line) < sizeof(header))
			strcpy(header, line);
		else if (inside)
			die("smaps has a line too long");
		return start < high;
	}
	if (inside && !strncmp(line, "VmFlags:", 8))
		put_mapping(header, line + 8);
	return true;
}

static void put_mappings(int from)
{
	size_t have = 0;
	off_t at = 0;

	for (;;) {
		ssize_t count = pread(from, shared->smaps + have, sizeof(shared->smaps) - have, at);
		char *line = shared->smaps, *end;

		if (count < 0)
			die("smaps");
		if (!count)
			return;
		at += count;
		have += count;
		while ((end = memchr(line, '\n', shared->smaps + have - line))) {
			*end = '\0';
			if (!scan(line))
				return;
			line = end + 1;
		}
		have = shared->smaps + have - line;
		memmove(shared->smaps, line, have);
	}
}

static void put_events(void)
{
	ssize_t count = read(control, shared->log, DRIVER_LOG);

	if (count < 0)
		die("the driver's log");
	put(shared->log, count);
}

static void put_result(long result)
{
	put_text("r");
	if (result < 0) {
		put_text(" -");
		result = -result;
	}
	put_number(result);
	put_text("\n");
}

/* Steps. */

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

static long tell_driver(const char *what, const char *rest)
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
	if (files[0][slot] < 0)
		files[0][slot] = open(path_of("/dev/premap", slot), O_RDWR);
	return files[0][slot] < 0 ? -errno : 0;
}

static long make_file(char *rest)
{
	int slot = slot_of(number(&rest));
	unsigned long size = number(&rest), at;
	bool writable = !strcmp(word(&rest), "rw");
	const char *path = path_of("/files/", slot);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	char text[64];

	if (fd < 0 || ftruncate(fd, size))
		return -errno;
	for (at = 0; at < size; at += PAGE) {
		size_t length = snprintf(text, sizeof(text), "%s:%lu", rest, at / PAGE);

		if (length > size - at)
			length = size - at;
		if (pwrite(fd, text, length, at) != (ssize_t)length)
			return -errno;
	}
	if (!writable) {
		int reader = open(path, O_RDONLY);

		close(fd);
		fd = reader;
	}
	unlink(path);
	files[1][slot] = fd;
	return 0;
}

static long map(char *rest)
{
	char *file = word(&rest);
	unsigned long addr = number(&rest), length = number(&rest), prot = number(&rest);
	unsigned long flags = number(&rest), offset = number(&rest);
	int fd = *file == '-' ? -1 : files[*file == 'f'][slot_of(strtoul(file + 1, NULL, 16))];

	return raw(syscall(SYS_mmap, addr, length, prot, flags, fd, offset));
}

static long call(char *rest)
{
	unsigned long which = number(&rest), a = number(&rest), b = number(&rest);
	unsigned long c = number(&rest), d = number(&rest), e = number(&rest), f = number(&rest);

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

static long report_child(void)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (!child) {
		put_mappings(open("/proc/self/smaps", O_RDONLY));
		_exit(0);
	}
	if (waitpid(child, &status, 0) < 0 || status)
		die("a child did not end well");
	return 0;
}

/* Runs one command; returns false at the end of the scenario. */
static bool step(char *command)
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
	else if (which == 'f')
		result = make_file(rest);
	else if (which == 'm')
		result = map(rest);
	else if (which == 's')
		result = call(rest);
	else if (which == 't')
		text = touch(rest);
	else if (which == 'p')
		text = peek(rest);
	else if (which == 'k')
		result = report_child();
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

	if (tell_driver("reset ", window))
		die("the driver");
	memset(files, -1, sizeof(files));
	if (new_low != low || new_high != high) {
		release_page_tables();
		low = new_low;
		high = new_high;
		hold_page_tables();
		shared->maps_length = read_maps(shared->maps, sizeof(shared->maps));
	}
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
	for (i = 0; i < 2; i++)
		for (j = 0; j < SLOTS; j++)
			if (files[i][j] >= 0)
				close(files[i][j]);
	if (munmap((void *)low, high - low))
		return false;
	length = read_maps(shared->smaps, sizeof(shared->smaps));
	return length == shared->maps_length && !memcmp(shared->smaps, shared->maps, length);
}

/* The child: runs scenarios for as long as they leave nothing behind. */
static void run_scenarios(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_NODEFER };
	char *line;

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	smaps = open("/proc/self/smaps", O_RDONLY);
	maps = open("/proc/self/maps", O_RDONLY);
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
		if (!end())
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

int main(void)
{
	int status;
	pid_t child;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("files", "/files", "tmpfs", 0, NULL);
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
		while (waitpid(child, &status, 0) < 0)
			if (errno != EINTR)
				die("wait");
		if (status)
			mourn(status);
	}
	reboot(RB_POWER_OFF);
}
