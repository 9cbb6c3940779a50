// SPDX-License-Identifier: Apache-2.0
//
// corpus.h - the journals that stories left once, kept in tests/corpus and
// replayed by every later build.
//
// STORY_CORPUS=record:DIR   each story is told once, in its first variant, and
//                           the workflows that it has then become capsules in
//                           DIR/ABOUT.TEST.N.capsule: the N-th of that test
// STORY_CORPUS=replay:DIR   no story is told; what is in DIR of this test is
//                           replayed with the code of today, and the process
//                           ends: status 0 if all of it fits
//
// In both a process runs one test. tests/corpus/corpus.sh does that for all.

#ifndef WF_TESTS_STORY_CORPUS_H
#define WF_TESTS_STORY_CORPUS_H

#include "story/story.h"

bool corpus_is_on(void);
bool corpus_records(void);
bool corpus_replays(void);

// The story has been told in this world.
void corpus_record(struct world *world, story_definitions_fn *define);
// Does not return after the last story of the test.
void corpus_replay(story_definitions_fn *define);

#endif
