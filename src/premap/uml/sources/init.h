/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the first process tell each other. */
#ifndef INIT_H
#define INIT_H

#include <stdbool.h>
#include <stddef.h>

#define PAGE		4096UL
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
	bool named[SLOTS];	/* files that have a name */
};

extern struct shared *shared;
extern int console, control;		/* devices of the driver */
extern unsigned long low, high;		/* the window */
extern int files[2][SLOTS];		/* devices, files */
extern int smaps;
extern int ancestors;			/* that ran a part of the scenario, and still live */
extern int opened_by[2][SLOTS];		/* how many there were when a file was opened */
extern bool locked_all;			/* mlockall() was called */

/* init.c: forks. The parent stays as it is, or is gone (orphan). Returns in the child, or an error. */
long go_on_in_child(bool orphan);

/* init_io.c: commands and answers. */

/* Waits for commands; what is to be written is written before. False at the end of them. */
bool has_input(void);
/* Reads a line of commands. NULL at the end of them. */
char *read_line(void);
/* Cut the next word, or hexadecimal number, off the rest of a line. */
char *word(char **rest);
unsigned long number(char **rest);
void flush(void);
void put(const char *text, size_t length);
void put_text(const char *text);
void put_number(unsigned long number);
void die(const char *what) __attribute__((noreturn));

/* init_report.c: what there is after a step. */

void put_mappings(int from);
void put_events(void);
void put_result(long result);

/* init_steps.c */

long tell_driver(const char *what, const char *rest);
/* Runs one command; returns false at the end of the scenario. */
bool step(char *command);
/* Takes the names of files away. */
void unlink_files(void);
/* Lets signals of accesses be answers. */
void catch_signals(void);

#endif
