// SPDX-License-Identifier: GPL-2.0-only
/* The console of the first process: lines of commands, and what is answered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init.h"

void flush(void)
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

void put(const char *text, size_t length)
{
	if (length > OUTPUT - shared->out_length)
		flush();
	memcpy(shared->out + shared->out_length, text, length);
	shared->out_length += length;
}

void put_text(const char *text)
{
	put(text, strlen(text));
}

void put_number(unsigned long number)
{
	char digits[20], *at = digits + sizeof(digits);

	do {
		*--at = "0123456789abcdef"[number & 15];
		number >>= 4;
	} while (number);
	*--at = ' ';
	put(at, digits + sizeof(digits) - at);
}

void die(const char *what)
{
	put_text("! ");
	put_text(what);
	put_text(": ");
	put_text(strerror(errno));
	put_text("\n");
	flush();
	_exit(1);
}

bool has_input(void)
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

char *read_line(void)
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

char *word(char **rest)
{
	char *found = strsep(rest, " ");

	return found ? found : "";
}

unsigned long number(char **rest)
{
	return strtoul(word(rest), NULL, 16);
}
