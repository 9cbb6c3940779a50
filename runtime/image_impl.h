// SPDX-License-Identifier: Apache-2.0
//
// image_impl.h - what image.c writes into a head and image_load.c reads.

#ifndef WF_RUNTIME_IMAGE_IMPL_H
#define WF_RUNTIME_IMAGE_IMPL_H

#define WF_IMAGE_FORMAT 1

#define WF_IMAGE_START_PENDING 1
#define WF_IMAGE_PARKED 2
#define WF_IMAGE_PAUSED 4
#define WF_IMAGE_CANCEL_ASKED 8
#define WF_IMAGE_FAILED 16
#define WF_IMAGE_OUTLIVED 32
#define WF_IMAGE_ATTRIBUTES 64
#define WF_IMAGE_MEMO 128
#define WF_IMAGE_END_ASKED 256
#define WF_IMAGE_LEFT 512
#define WF_IMAGE_UPDATES 1024

#endif
