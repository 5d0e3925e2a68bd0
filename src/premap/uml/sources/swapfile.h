/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before anything else of mm/mmap.c: files that are used for swapping are told from others,
 * though this kernel itself swaps nowhere (CONFIG_SWAP would need block devices).
 */
#ifndef PREMAP_SWAPFILE_H
#define PREMAP_SWAPFILE_H

#include <linux/fs.h>

#undef IS_SWAPFILE
#define IS_SWAPFILE(inode) ((inode)->i_flags & S_SWAPFILE)

#endif
