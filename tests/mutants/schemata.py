#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""schemata.py - write sources anew so that each place in them can be broken.

    schemata.py COMPILE_COMMANDS TREE OUT FILE...

FILEs are paths within TREE. Each is written to OUT/FILE with every condition,
statement, return, sum and argument wrapped, so that MUTANT=n at run time breaks
number n (see mutant.h). Prints a line for each: number, file, line, function,
how it is broken, and the text, with tabs between.

What is broken:
    true, false   a condition, or a part of one, is always that
    edge          < is <=, > is >=, and the other way round
    drop          a call, an assignment, ++ or -- is left out
    ok            an error that would be returned is not
    less          of a sum or an "or", only the left side
    zero          a field given to a call or to an initializer is 0
    not           a literal true is false, or the other way round
    skip          "continue" is left out

Not touched: what a macro makes, assertions with it; constants; loops' steps.
"""
import json
import os
import re
import shlex
import sys

from clang import cindex
from clang.cindex import CursorKind as K, TypeKind as T

EXPRESSIONS = {K.CALL_EXPR, K.BINARY_OPERATOR, K.COMPOUND_ASSIGNMENT_OPERATOR,
               K.UNARY_OPERATOR}
UNTOUCHED = {K.STRUCT_DECL, K.ENUM_DECL, K.UNION_DECL, K.TYPEDEF_DECL,
             K.STATIC_ASSERT, K.CXX_UNARY_EXPR, K.MEMBER_REF, K.TYPE_REF}
NUMBERS = {T.INT, T.UINT, T.LONG, T.ULONG, T.LONGLONG, T.ULONGLONG, T.USHORT,
           T.SHORT, T.UCHAR, T.SCHAR, T.CHAR_S, T.ENUM, T.BOOL}
# Calls whose absence nobody could see but a leak checker or a reader of traces.
SILENT = re.compile(r'free|destroy|_fini$|trace|detail|tally|counter|^va_|'
                    r'metrics|close$|^wf_log|print')


def strip(text):
    return re.sub(r'/\*.*?\*/|//[^\n]*', ' ', text, flags=re.S)


class Source:
    def __init__(self, unit, path, name, number):
        self.text = open(path, 'rb').read()
        self.name, self.number = name, number
        self.function = ''
        self.returns = None
        self.found = []
        self.macros = sorted(
            (c.extent.start.offset, self.end_of(c.extent.end.offset))
            for c in unit.cursor.get_children()
            if c.kind == K.MACRO_INSTANTIATION and c.location.file
            and c.location.file.name == path)
        self.cursor = unit.cursor
        self.path = path

    def end_of(self, at):
        """Where a macro's arguments end, of which libclang gives the name."""
        if self.text[at:at + 1] != b'(':
            return at
        depth = 0
        while True:
            depth += {b'(': 1, b')': -1}.get(self.text[at:at + 1], 0)
            at += 1
            if depth == 0:
                return at

    def raw(self, start, end):
        return self.text[start:end].decode()

    def span(self, c):
        return c.extent.start.offset, c.extent.end.offset

    def is_macro(self, c):
        """Is it, or a part of its border, made by a macro?"""
        start, end = self.span(c)
        for a, b in self.macros:
            if a >= end:
                break
            if b > start and not (start <= a and b <= end and
                                  (start, end) != (a, b)):
                return True
        return False

    def add(self, how, c, count=1):
        text = ' '.join(self.raw(*self.span(c)).split())
        n = self.number
        for i, one in enumerate(how.split()):
            self.found.append((n + i, self.name, c.extent.start.line,
                               self.function, one, text[:100]))
        self.number += len(how.split())
        return n

    def parts(self, c):
        """The children whose text lies in c's, in order; None if unclear."""
        start, end = self.span(c)
        at = start
        out = []
        for child in c.get_children():
            a, b = self.span(child)
            f = child.extent.start.file
            if f is None or f.name != self.path or a == b:
                continue
            if a < at or b > end:
                return None
            out.append(child)
            at = b
        return out

    def join(self, c, emit):
        """c's text, with each part as emit(part, index) gives it."""
        parts = self.parts(c)
        start, end = self.span(c)
        if parts is None:
            return self.raw(start, end)
        out, at = [], start
        for i, child in enumerate(parts):
            a, b = self.span(child)
            out.append(self.raw(at, a))
            out.append(emit(child, i))
            at = b
        out.append(self.raw(at, end))
        return ''.join(out)

    def operator(self, c):
        parts = self.parts(c)
        if parts is None or len(parts) != 2 or c.kind != K.BINARY_OPERATOR:
            return None
        return strip(self.raw(self.span(parts[0])[1],
                              self.span(parts[1])[0])).strip()

    # Expressions -------------------------------------------------------------

    def condition(self, c, is_loop=False):
        if self.is_macro(c):
            text = self.raw(*self.span(c))
            if self.span(c) not in self.macros or not text.endswith(')'):
                return text
            n = self.add('true false', c)
            return f'wf_mutant_is({n}u, ({text}) != 0)'
        if c.kind in (K.PAREN_EXPR, K.UNEXPOSED_EXPR):
            return self.join(c, lambda p, i: self.condition(p, is_loop))
        op = self.operator(c)
        if op in ('&&', '||'):
            return self.join(c, lambda p, i: self.condition(p, is_loop))
        if c.kind == K.UNARY_OPERATOR and \
                self.raw(*self.span(c)).startswith('!'):
            return self.join(c, lambda p, i: self.condition(p, is_loop))
        if c.kind == K.INTEGER_LITERAL:
            return self.raw(*self.span(c))
        if is_loop:
            n = self.add('false', c)
            value = self.value(c, is_condition=True)
            return f'wf_mutant_while({n}u, ({value}) != 0)'
        n = self.add('true false', c)
        value = self.value(c, is_condition=True)
        return f'wf_mutant_is({n}u, ({value}) != 0)'

    def relation(self, c, op):
        other = {'<': '<=', '<=': '<', '>': '>=', '>=': '>'}[op]
        n = self.add('edge', c)
        left, right = self.parts(c)
        return (f'__extension__({{ __auto_type l{n} = {self.value(left)}; '
                f'__auto_type r{n} = {self.value(right)}; '
                f'wf_mutant_if({n}u, (l{n} {op} r{n}) != (l{n} {other} r{n}))'
                f' ? l{n} {other} r{n} : l{n} {op} r{n}; }})')

    def less(self, c, op):
        n = self.add('less', c)
        left, right = self.parts(c)
        return (f'__extension__({{ __auto_type l{n} = {self.value(left)}; '
                f'__auto_type r{n} = {self.value(right)}; '
                f'wf_mutant_if({n}u, (l{n} {op} r{n}) != (l{n} + 0)) '
                f'? l{n} : l{n} {op} r{n}; }})')

    def literal(self, c):
        text = self.raw(*self.span(c))
        if text in ('true', 'false'):
            n = self.add('not', c)
            return f'(wf_mutant({n}u) == {1 if text == "false" else 0})'
        return None

    def zero(self, c):
        """An argument or an initializer."""
        text = self.literal(c)
        if text is not None:
            return text
        if self.is_macro(c):
            return self.raw(*self.span(c))
        inner = c
        while inner.kind == K.UNEXPOSED_EXPR:
            parts = self.parts(inner)
            if parts is None or len(parts) != 1:
                break
            inner = parts[0]
        if inner.kind == K.MEMBER_REF_EXPR and \
                inner.type.get_canonical().kind in NUMBERS:
            n = self.add('zero', c)
            return (f'__extension__({{ __auto_type v{n} = {self.value(c)}; '
                    f'wf_mutant_if({n}u, v{n} != 0) ? (__typeof__(v{n}))0 '
                    f': v{n}; }})')
        return self.value(c)

    def value(self, c, is_condition=False):
        if self.is_macro(c) or c.kind in UNTOUCHED:
            return self.raw(*self.span(c))
        op = self.operator(c)
        if op in ('&&', '||') and not is_condition:
            return self.condition(c)
        if op in ('<', '<=', '>', '>='):
            return self.relation(c, op)
        if op in ('+', '-', '|') and c.type.get_canonical().kind in \
                NUMBERS | {T.POINTER}:
            return self.less(c, op)
        if op == '=':
            return self.join(c, lambda p, i: self.assigned(p) if i else
                             self.value(p))
        if c.kind == K.CONDITIONAL_OPERATOR:
            return self.join(c, lambda p, i: self.value(p) if i else
                             self.condition(p))
        if c.kind == K.CALL_EXPR:
            return self.join(c, lambda p, i: self.zero(p) if i else
                             self.raw(*self.span(p)))
        if c.kind == K.INIT_LIST_EXPR:
            return self.join(c, lambda p, i: self.field(p))
        if c.kind == K.UNARY_OPERATOR and \
                self.raw(*self.span(c)).startswith('!'):
            return self.condition(c)
        if c.kind == K.UNARY_OPERATOR and \
                self.raw(*self.span(c)).startswith('&'):
            return self.join(c, lambda p, i: self.place(p))
        return self.join(c, lambda p, i: self.value(p))

    def place(self, c):
        """An lvalue: only what indexes it may be wrapped."""
        if self.is_macro(c):
            return self.raw(*self.span(c))
        if c.kind == K.ARRAY_SUBSCRIPT_EXPR:
            return self.join(c, lambda p, i: self.value(p) if i else
                             self.place(p))
        return self.join(c, lambda p, i: self.place(p))

    def field(self, c):
        if c.kind == K.UNEXPOSED_EXPR or c.kind == K.INIT_LIST_EXPR:
            parts = self.parts(c)
            if parts is not None and len(parts) == 2 and \
                    parts[0].kind == K.MEMBER_REF:
                return self.join(c, lambda p, i: self.zero(p) if i else
                                 self.raw(*self.span(p)))
        return self.zero(c)

    def assigned(self, c):
        text = self.literal(c)
        if text is not None:
            return text
        if c.type.get_canonical().kind == T.BOOL:
            return self.boolean(c)
        return self.value(c)

    def boolean(self, c):
        return self.condition(c) if not self.is_macro(c) else \
            self.raw(*self.span(c))

    # Statements --------------------------------------------------------------

    def is_dropped(self, c):
        if c.kind == K.CALL_EXPR:
            return not SILENT.search(c.spelling or '')
        if c.kind == K.BINARY_OPERATOR:
            return self.operator(c) == '='
        if c.kind == K.UNARY_OPERATOR:
            text = self.raw(*self.span(c))
            return text.endswith(('++', '--')) or text[:2] in ('++', '--')
        return c.kind == K.COMPOUND_ASSIGNMENT_OPERATOR

    def expression(self, c):
        inner = c
        if c.kind == K.UNEXPOSED_EXPR:
            parts = self.parts(c)
            inner = parts[0] if parts and len(parts) == 1 else c
        if inner.kind == K.CSTYLE_CAST_EXPR:  # (void)call()
            calls = [p for p in inner.get_children() if p.kind == K.CALL_EXPR]
            if len(calls) == 1:
                inner = calls[0]
        if not self.is_dropped(inner):
            return self.value(c)
        n = self.add('drop', inner)
        return f'(wf_mutant({n}u) ? (void)0 : (void)({self.value(c)}))'

    def statement(self, c):
        if self.is_macro(c) or c.kind in UNTOUCHED:
            return self.raw(*self.span(c))
        kind = c.kind
        if kind == K.IF_STMT:
            return self.join(c, lambda p, i: self.statement(p) if i else
                             self.condition(p))
        if kind == K.WHILE_STMT:
            return self.join(c, lambda p, i: self.statement(p) if i else
                             self.condition(p, True))
        if kind == K.DO_STMT:
            return self.join(c, lambda p, i: self.condition(p, True) if i else
                             self.statement(p))
        if kind == K.FOR_STMT:
            return self.loop(c)
        if kind == K.SWITCH_STMT:
            return self.join(c, lambda p, i: self.statement(p) if i else
                             self.value(p))
        if kind == K.CASE_STMT:
            return self.join(c, lambda p, i: self.statement(p) if i else
                             self.raw(*self.span(p)))
        if kind == K.RETURN_STMT:
            return self.join(c, lambda p, i: self.returned(p))
        if kind == K.CONTINUE_STMT:
            n = self.add('skip', c)
            return f'if (!wf_mutant({n}u)) continue'
        if kind == K.DECL_STMT:
            return self.join(c, lambda p, i: self.declared(p))
        if kind.is_statement():
            return self.join(c, lambda p, i: self.statement(p))
        if kind.is_expression():
            return self.expression(c)
        return self.raw(*self.span(c))

    def loop(self, c):
        """for (;;): its parts are told apart by the two semicolons."""
        parts = self.parts(c)
        if parts is None:
            return self.raw(*self.span(c))
        body = parts[-1]
        start, end = self.span(c)
        semicolons = []
        depth = 0
        head = self.raw(start, self.span(body)[0])
        for i, ch in enumerate(head):
            depth += {'(': 1, ')': -1}.get(ch, 0)
            if ch == ';' and depth == 1:
                semicolons.append(start + i)
        if len(semicolons) != 2:
            return self.raw(*self.span(c))

        def emit(p, i):
            at = self.span(p)[0]
            if p == body:
                return self.statement(p)
            if semicolons[0] < at < semicolons[1]:
                return self.condition(p, True)
            return self.raw(*self.span(p))
        return self.join(c, emit)

    def declared(self, c):
        if self.is_macro(c) or c.kind != K.VAR_DECL or \
                c.storage_class == cindex.StorageClass.STATIC:
            return self.raw(*self.span(c))
        parts = self.parts(c)
        if not parts:
            return self.raw(*self.span(c))
        last = parts[-1]
        between = self.raw(self.span(c)[0], self.span(last)[0])
        if not strip(between).rstrip().endswith('='):
            return self.raw(*self.span(c))
        if last.kind == K.INIT_LIST_EXPR and \
                c.type.get_canonical().kind == T.CONSTANTARRAY:
            return self.raw(*self.span(c))
        return self.join(c, lambda p, i: self.assigned(p) if p == last else
                         self.raw(*self.span(p)))

    def returned(self, c):
        text = self.literal(c)
        if text is not None:
            return text
        if self.is_macro(c):
            return self.raw(*self.span(c))
        if self.returns == 'bool':
            return self.boolean(c)
        if self.returns == 'weft_err':
            n = self.add('ok', c)
            return (f'__extension__({{ __auto_type v{n} = {self.value(c)}; '
                    f'wf_mutant_if({n}u, v{n} != 0) ? (__typeof__(v{n}))0 '
                    f': v{n}; }})')
        return self.value(c)

    def write(self):
        out, at = [], 0
        for c in self.cursor.get_children():
            f = c.extent.start.file
            if f is None or f.name != self.path or \
                    c.kind != K.FUNCTION_DECL or not c.is_definition():
                continue
            body = [p for p in c.get_children()
                    if p.kind == K.COMPOUND_STMT][-1]
            if self.is_macro(body):
                continue
            self.function = c.spelling
            self.returns = c.result_type.spelling.replace('_Bool', 'bool')
            a, b = self.span(body)
            out.append(self.raw(at, a))
            out.append(self.statement(body))
            at = b
        out.append(self.raw(at, len(self.text)))
        return '#include "mutant.h"\n#line 1\n' + ''.join(out)


def main():
    commands, tree, target, *names = sys.argv[1:]
    index = cindex.Index.create()
    tree = os.path.realpath(tree)
    args = {}
    for entry in json.load(open(commands)):
        words = shlex.split(entry['command'])
        args[os.path.realpath(entry['file'])] = [
            w for before, w in zip([''] + words, words)
            if w[:2] in ('-I', '-D') or w.startswith('-std') or
            '-isystem' in (before, w)]
    number = 1
    for name in names:
        path = os.path.join(tree, name)
        unit = index.parse(path, args[path], options=1)
        if any(d.severity >= 3 for d in unit.diagnostics):
            sys.exit(f'{name}: {unit.diagnostics[0]}')
        source = Source(unit, path, name, number)
        text = source.write()
        os.makedirs(os.path.dirname(os.path.join(target, name)), exist_ok=True)
        with open(os.path.join(target, name), 'w') as out:
            out.write(text)
        number = source.number
        for found in source.found:
            print(*found, sep='\t')


main()
