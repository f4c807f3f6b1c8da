"""PyTorch's side of the benchmark: reads one JSON command a line on stdin, answers one JSON line on stdout.

`load` reads weights and data as .npy files; `run` times a task some times over and answers milliseconds. Tasks do
what Lethe's side does, written as a PyTorch user would write it; `projection` is the procedure of the paper's code:
one backward pass through the full batch per constraining sample, then a QR decomposition in float64.
"""
import json
import pathlib
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Mlp(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(*weights[f'{name}.weight'].shape[::-1]) for name in self.names)
        with torch.no_grad():
            for layer, name in zip(self.layers, self.names):
                layer.weight.copy_(weights[f'{name}.weight'])
                layer.bias.copy_(weights[f'{name}.bias'])

    names = ('fc1', 'fc2', 'fc_out')

    def forward(self, x):
        first, second, last = self.layers
        return last(F.silu(second(F.silu(first(x)))))


class Cnn(nn.Module):
    names = ('conv1', 'conv2', 'fc1', 'fc2')

    def __init__(self, weights):
        super().__init__()
        self.layers = nn.ModuleList()
        for name in self.names:
            weight = weights[f'{name}.weight']
            layer = nn.Linear(*weight.shape[::-1]) if weight.dim() == 2 else nn.Conv2d(*weight.shape[1::-1], 3, padding=1)
            with torch.no_grad():
                layer.weight.copy_(weight)
                layer.bias.copy_(weights[f'{name}.bias'])
            self.layers.append(layer)

    def forward(self, x):
        conv1, conv2, fc1, fc2 = self.layers
        x = F.max_pool2d(F.relu(conv1(x)), 2)
        x = F.max_pool2d(F.relu(conv2(x)), 2)
        return fc2(F.relu(fc1(x.flatten(1))))


class Task:
    """A model with its batch, and the loss of a gradient step."""

    def __init__(self, kind, folder):
        arrays = {path.stem: torch.from_numpy(np.load(path)) for path in pathlib.Path(folder).glob('*.npy')}
        self.model = (Mlp if kind == 'mlp' else Cnn)(arrays).eval()
        self.parameters = list(self.model.parameters())
        self.inputs, self.labels = arrays['inputs'], arrays['labels']
        self.loss = F.mse_loss if kind == 'mlp' else F.cross_entropy

    def step(self):
        """The gradient of the mean loss: forward and backward, no optimiser."""
        loss = self.loss(self.model(self.inputs), self.labels)
        return torch.autograd.grad(loss, self.parameters)

    def projection(self, samples, strength):
        """By how much the projection changes the parameters."""
        largest = self.model(self.inputs).max(dim=1).values
        columns = []
        for sample in range(samples):
            gradients = torch.autograd.grad(largest[sample], self.parameters, retain_graph=True)
            columns.append(torch.cat([g.flatten() for g in gradients]))
        basis = torch.linalg.qr(torch.stack(columns, dim=1).double()).Q
        vector = torch.cat([p.detach().flatten() for p in self.parameters]).double()
        removed = vector - basis @ (basis.T @ vector)
        return (-strength * removed,)


def blas():
    """The file of the BLAS library in use: `libopenblas…`, `libmkl…`, or `libblas…`, the slow reference; else None."""
    torch.ones(8, 8) @ torch.ones(8, 8)
    try:
        lines = pathlib.Path('/proc/self/maps').read_text().splitlines()
    except OSError:
        return None
    files = {pathlib.Path(line.split()[-1]).resolve() for line in lines if '/' in line}
    for word in ('openblas', 'mkl_core', 'blis', 'blas'):
        for file in files:
            if word in str(file) and '.so' in file.name:
                return str(file)
    return None


def main():
    tasks = {}
    for line in sys.stdin:
        command = json.loads(line)
        if command['do'] == 'start':
            torch.set_num_threads(command['threads'])
            answer = {'version': torch.__version__, 'threads': torch.get_num_threads(), 'blas': blas()}
        elif command['do'] == 'load':
            tasks[command['task']] = Task(command['task'], command['folder'])
            answer = {}
        else:
            task, times = tasks[command['task']], []
            for _ in range(command['repeat']):
                start = time.perf_counter()
                if command['do'] == 'step':
                    result = task.step()
                else:
                    result = task.projection(command['samples'], command['strength'])
                times.append((time.perf_counter() - start) * 1e3)
            answer = {'times': times, 'norm': sum((g.double() ** 2).sum().item() for g in result) ** 0.5}
        print(json.dumps(answer), flush=True)


main()
