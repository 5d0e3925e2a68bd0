/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/kernel.h>

#define LINUX_VERSION_CODE LINUX_VERSION_CODE_OF_STUBS
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))
