"""Answers to the exercises of chapter 09."""

import numpy as np


def order_of(result):
    """The result and all it was made from, each after all its uses."""
    uses, found = {result: 0}, [result]
    for node in found:
        for operand, _ in node.edges:
            if operand not in uses:
                uses[operand] = 0
                found.append(operand)
            uses[operand] += 1
    order = [result]
    for node in order:
        for operand, _ in node.edges:
            uses[operand] -= 1
            if not uses[operand]:
                order.append(operand)
    return order


def walk(result, *, replace=False, seed=1.0, last=False, slopes=True):
    order = order_of(result)
    arrived = dict.fromkeys(order, 0.0)
    arrived[result] = seed
    for node in order:
        for operand, slope in node.edges:
            part = (slope if slopes else 1.0) * arrived[node]
            arrived[operand] = part if last else arrived[operand] + part
    for node, g in arrived.items():
        node.grad = g if replace else node.grad + g


def by_depth(result):
    """Depth first, operands first, gradients on the way in place: recursive."""
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for operand, _ in node.edges:
                visit(operand)
            order.append(node)

    visit(result)
    arrived = dict.fromkeys(order, 0.0)
    arrived[result] = 1.0
    for node in reversed(order):
        for operand, slope in node.edges:
            arrived[operand] += slope * arrived[node]
    for node, g in arrived.items():
        node.grad += g


def stale(result):
    order = order_of(result)
    result.grad = 1.0
    for node in order:
        for operand, slope in node.edges:
            operand.grad += slope * node.grad


def stale_from_the_top(result):
    order = order_of(result)
    result.grad += 1.0
    for node in order:
        for operand, slope in node.edges:
            operand.grad += slope * node.grad


def leaves_alone_add_up(result):
    """The leaves are right after each call; nodes on the way hold the last alone."""
    order = order_of(result)
    for node in order:
        if node.edges:
            node.grad = 0.0
    result.grad = 1.0
    for node in order:
        for operand, slope in node.edges:
            operand.grad += slope * node.grad


def as_found(result):
    """Breadth first, without waiting for all uses."""
    arrived, found = {result: 1.0}, [result]
    for node in found:
        for operand, slope in node.edges:
            if operand not in arrived:
                arrived[operand] = 0.0
                found.append(operand)
            arrived[operand] += slope * arrived[node]
    for node, g in arrived.items():
        node.grad += g


def along_paths(result):
    ways = [(result, 1.0)]
    while ways:
        node, g = ways.pop()
        node.grad += g
        ways += [(operand, slope * g) for operand, slope in node.edges]


def along_paths_recursively(result, g=1.0):
    result.grad += g
    for operand, slope in result.edges:
        along_paths_recursively(operand, slope * g)


def last_use_wins(result):
    walk(result, last=True)


def replaced(result):
    walk(result, replace=True)


def no_slopes(result):
    walk(result, slopes=False)


def forgets_the_result(result):
    walk(result)
    result.grad = 0.0


def sorted_by_counting(result):
    """Right, by another way: longest distance from the result."""
    depth, changed = {result: 0}, [result]
    while changed:
        node = changed.pop()
        for operand, _ in node.edges:
            if depth.get(operand, -1) < depth[node] + 1:
                depth[operand] = depth[node] + 1
                changed.append(operand)
    arrived = dict.fromkeys(depth, 0.0)
    arrived[result] = 1.0
    for node in sorted(depth, key=depth.__getitem__):
        for operand, slope in node.edges:
            arrived[operand] += arrived[node] * slope
    for node, g in arrived.items():
        node.grad += g


def axes(g, shape):
    new = g.ndim - len(shape)
    return tuple(range(new)), tuple(new + k for k, n in enumerate(shape) if n == 1)


def right(g, shape):
    new, ones = axes(g, shape)
    return g.sum(axis=new + ones).reshape(shape)


def mean(g, shape):
    new, ones = axes(g, shape)
    return g.mean(axis=new + ones).reshape(shape)


def new_axes_alone(g, shape):
    return g.sum(axis=axes(g, shape)[0])


def unsqueezed(g, shape):
    new, ones = axes(g, shape)
    return g.sum(axis=new + ones)


def in_place(g, shape):
    answer = right(g, shape)
    g *= 0
    return answer


def at_the_back(g, shape):
    if g.ndim == 2 and len(shape) == 1 and g.shape == (3, 3):
        return g.sum(axis=1)
    return right(g, shape)


def first_copy(g, shape):
    new, ones = axes(g, shape)
    if not g.size:
        return np.zeros(shape)
    index = tuple(0 if k in new + ones else slice(None) for k in range(g.ndim))
    return g[index].reshape(shape)


WRONG = [
    ("backward", lambda result: None, "nothing to check yet"),
    ("backward", forgets_the_result, "slope of the result in itself is 1, got 0"),
    ("backward", no_slopes, "with slopes 2 and 3 expected 6, got 1"),
    ("backward", last_use_wins, "a second use must add, eq. 9.6"),
    ("backward", as_found, "handed its gradient on before it was whole"),
    ("backward", replaced, "add to grad, do not replace it"),
    ("backward", stale, "gradients of the first call, eq. 9.7"),
    ("backward", stale_from_the_top, "expected twice 2, got"),
    ("backward", leaves_alone_add_up, "add in every node, not only in those without"),
    ("backward", by_depth, "5,000 steps ends in a RecursionError"),
    ("backward", along_paths, "32 edges took 131070 multiplications"),
    ("backward", along_paths_recursively, "a walk along paths, eq. 9.5"),
    ("unbroadcast", lambda g, shape: None, "nothing to check yet"),
    ("unbroadcast", mean, "a mean over the copies, eq. 9.9 is a sum"),
    ("unbroadcast", new_axes_alone, r"expected shape \(4, 1\), got \(4, 3\)"),
    ("unbroadcast", unsqueezed, r"expected shape \(4, 1\), got \(4,\)"),
    ("unbroadcast", lambda g, shape: g.reshape(shape), "NumPy says: cannot reshape"),
    ("unbroadcast", in_place, "g was changed"),
    ("unbroadcast", at_the_back, r"\(3, 3\) to \(3,\): the shape is right, but"),
    ("unbroadcast", first_copy, "the sum over the places of g"),
]

RIGHT = [
    ("backward", walk),
    ("backward", sorted_by_counting),
    ("unbroadcast", right),
]

NUMBERS = [
    ("09_autograd", "eq-path-count", 5),
    ("09_autograd", "eq-reverse", 6),
    ("09_autograd", "eq-stale", 7),
    ("09_autograd", "eq-unbroadcast", 9),
]
