"""PyTorch's side of the benchmark: reads one JSON command a line on stdin, answers one JSON line on stdout.

`load` reads weights and data as .npy files, `unload` lets go of them; `step` and `projection` time a task some times over and answers milliseconds. Tasks do
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


class Network(nn.Module):
    """A network of `models.ts`, weights under the same names."""

    def __init__(self, weights):
        super().__init__()
        weights = {name: w for name, w in weights.items() if name not in ('inputs', 'labels')}
        self.weights = nn.ParameterDict({name.replace('.', '_'): nn.Parameter(self.own(name, w)) for name, w in weights.items()})

    def own(self, name, weight):
        return weight

    def both(self, name):
        return self.weights[f'{name}_weight'], self.weights[f'{name}_bias']

    def conv(self, x, name, stride=1, group=1):
        weight, bias = self.both(name)
        return F.conv2d(x, weight, bias, stride, weight.shape[-1] // 2, 1, group)

    def linear(self, x, name):
        return F.linear(x, *self.both(name))


class Resnet18(Network):
    def forward(self, x):
        x = F.relu(self.conv(x, 'conv1'))
        for stage in range(4):
            for block in range(2):
                name, stride = f'layer{stage + 1}_{block}', 2 if stage > 0 and block == 0 else 1
                y = self.conv(F.relu(self.conv(x, f'{name}_conv1', stride)), f'{name}_conv2')
                if f'{name}_downsample_weight' in self.weights:
                    x = self.conv(x, f'{name}_downsample', stride)
                x = F.relu(y + x)
        return self.linear(x.mean((2, 3)), 'fc')


class MobilenetV2(Network):
    stages = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))

    def forward(self, x):
        x, place = F.relu6(self.conv(x, 'stem', 2)), 0
        for expansion, width, blocks, first in self.stages:
            for block in range(blocks):
                name, stride, y = f'block{place}', first if block == 0 else 1, x
                place += 1
                if expansion > 1:
                    y = F.relu6(self.conv(y, f'{name}_expand'))
                y = F.relu6(self.conv(y, f'{name}_depthwise', stride, y.shape[1]))
                y = self.conv(y, f'{name}_project')
                x = x + y if x.shape == y.shape else y
        return self.linear(F.relu6(self.conv(x, 'head')).mean((2, 3)), 'fc')


class Transformer(Network):
    def own(self, name, weight):
        # Linear layers keep their matrices the other way around.
        linear = weight.dim() == 2 and name.startswith('layers')
        return weight.t().contiguous() if linear else weight

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], *self.both(name))

    def forward(self, tokens):
        x = F.embedding(tokens, self.weights['embedding']) + self.weights['position']
        samples, length, width = x.shape
        for layer in range(4):
            name = f'layers_{layer}'
            parts = self.linear(x, f'{name}_in').view(samples, length, 3, 8, width // 8).permute(2, 0, 3, 1, 4)
            q, k, v = parts.unbind()
            weights = torch.softmax((q * (width // 8) ** -0.5) @ k.transpose(-2, -1), dim=-1)
            mixed = (weights @ v).transpose(1, 2).reshape(samples, length, width)
            x = self.norm(x + self.linear(mixed, f'{name}_out'), f'{name}_norm1')
            hidden = F.relu(self.linear(x, f'{name}_linear1'))
            x = self.norm(x + self.linear(hidden, f'{name}_linear2'), f'{name}_norm2')
        return self.linear(x.mean(1), 'head')


class Task:
    """A model with its batch, and the loss of a gradient step."""

    models = {'mlp': Mlp, 'cnn': Cnn, 'resnet18': Resnet18, 'mobilenetv2': MobilenetV2, 'transformer': Transformer}

    def __init__(self, kind, folder):
        arrays = {path.stem: torch.from_numpy(np.load(path)) for path in pathlib.Path(folder).glob('*.npy')}
        self.model = self.models[kind](arrays).eval()
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


    def projection_in_part(self, samples, tried=2, share=16):
        """Milliseconds of `projection`, from some of its backward passes and a share of its rows: both count linearly."""
        start = time.perf_counter()
        largest = self.model(self.inputs).max(dim=1).values
        forward = time.perf_counter() - start
        torch.autograd.grad(largest[0], self.parameters, retain_graph=True)
        start = time.perf_counter()
        for sample in range(tried):
            gradients = torch.autograd.grad(largest[sample], self.parameters, retain_graph=True)
            torch.cat([g.flatten() for g in gradients])
        backward = (time.perf_counter() - start) / tried
        rows = sum(p.numel() for p in self.parameters) // share
        columns = [torch.randn(rows) for _ in range(samples)]
        start = time.perf_counter()
        basis = torch.linalg.qr(torch.stack(columns, dim=1).double()).Q
        vector = torch.randn(rows).double()
        vector - basis @ (basis.T @ vector)
        algebra = time.perf_counter() - start
        return (forward + samples * backward + share * algebra) * 1e3


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
            tasks[command['task']] = Task(command['kind'], command['folder'])
            answer = {}
        elif command['do'] == 'unload':
            del tasks[command['task']]
            answer = {}
        elif command['do'] == 'projection-in-part':
            answer = {'estimate': tasks[command['task']].projection_in_part(command['samples'])}
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
