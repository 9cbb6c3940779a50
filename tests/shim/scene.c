// SPDX-License-Identifier: Apache-2.0
//
// scene.c - scenes as text. See scene.h.

#include "shim/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct scene *
scene_find(const char *name)
{
    for (uint32_t i = 0; i < scene_count; i++) {
        if (strcmp(scene_table[i].name, name) == 0) {
            return &scene_table[i];
        }
    }
    return NULL;
}

bool
scene_is_slow(const struct scene *scene)
{
    return strstr(scene->options, "worker") != NULL;
}

static void
parse_statement(const struct scene *scene, const char *at, size_t len,
                struct scene_statement *out)
{
    int word = 0;

    while (len > 0) {
        size_t skip = strspn(at, " ");
        size_t word_len;

        if (skip >= len) {
            return;
        }
        at += skip;
        len -= skip;
        word_len = strcspn(at, " ;");
        if (word == SCENE_WORDS || word_len >= SCENE_WORD) {
            (void)fprintf(stderr, "scene %s: malformed\n", scene->name);
            exit(2);
        }
        memcpy(out->words[word++], at, word_len);
        at += word_len;
        len -= word_len;
    }
}

void
scene_parse(const struct scene *scene, struct scene_program *out_program)
{
    const char *at = scene->program;

    memset(out_program, 0, sizeof(*out_program));
    while (*at != '\0') {
        size_t len = strcspn(at, ";");

        if (out_program->count == SCENE_STATEMENTS_MAX) {
            (void)fprintf(stderr, "scene %s: too long\n", scene->name);
            exit(2);
        }
        parse_statement(scene, at, len,
                        &out_program->statements[out_program->count++]);
        at += len;
        at += *at == ';';
    }
}

bool
scene_is(const struct scene_statement *statement, const char *verb)
{
    return strcmp(statement->words[0], verb) == 0;
}

int64_t
scene_number(const struct scene_statement *statement, int word)
{
    return strtoll(statement->words[word], NULL, 10);
}

const char *
scene_options_at(const struct scene *scene, const struct scene_program *program,
                 uint32_t at)
{
    const char *options = scene->options;

    for (uint32_t i = 0; i <= at && i < program->count; i++) {
        if (scene_is(&program->statements[i], "with")) {
            options = program->statements[i].words[1];
        }
    }
    return options;
}

uint64_t
scene_mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ (b + 0x9e3779b97f4a7c15U)) * 0xbf58476d1ce4e5b9U;

    return (x ^ x >> 29) * 0x94d049bb133111ebU;
}

uint64_t
scene_gives(char letter, uint64_t k)
{
    return scene_mix((uint64_t)letter, k);
}

void
scene_call_name(const char *flow, uint64_t k, unsigned j, char out[SCENE_WORD])
{
    (void)snprintf(out, SCENE_WORD, "%.40s/%llu-%u", flow,
                   (unsigned long long)k, j);
}
