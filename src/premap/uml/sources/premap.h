/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two parts of premap's driver tell each other. */
#ifndef PREMAP_H
#define PREMAP_H

/* Whether this point fails now: 0 or a positive errno. */
int premap_failing(const char *point);

/* POINT AFTER ERRNO: fails once, when it was asked AFTER times. */
int premap_inject(char *words);

/* A new scenario: nothing fails; mappings outside of [low, high) are not its own. */
void premap_inject_nothing(unsigned long low, unsigned long high);

#endif
