// SPDX-License-Identifier: GPL-2.0-only
/* What the first process answers to a step: mappings, events, the result. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init.h"

/* Writes the slot that a path ends with, if the path is of that kind. */
static bool put_slot(const char *path, const char *folder, const char *kind)
{
	size_t length = strlen(folder);

	if (strncmp(path, folder, length))
		return false;
	put_text(kind);
	put(path + length, strcspn(path + length, " "));
	return true;
}

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
	if (!path || !(put_slot(path, "/dev/premap", " d") || put_slot(path, "/files/", " f") ||
		       put_slot(path, "/noexec/", " f") || put_slot(path, "/memfd:", " f") ||
		       put_slot(path, "/cached/", " f")))
		put_text(" -");
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

void put_mappings(int from)
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

void put_events(void)
{
	ssize_t count = read(control, shared->log, DRIVER_LOG);

	if (count < 0)
		die("the driver's log");
	put(shared->log, count);
}

void put_result(long result)
{
	put_text("r");
	if (result < 0) {
		put_text(" -");
		result = -result;
	}
	put_number(result);
	put_text("\n");
}
