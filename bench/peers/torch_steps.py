"""ResNet-18 on one fixed batch in PyTorch: reads a number of steps per line, answers with the loss of the last.

    python3 torch_steps.py WIDTH SIZE BATCH HEADS LEARNING_RATE
"""

import sys

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


def main():
    width, size, batch, heads = map(int, sys.argv[1:5])
    rate = float(sys.argv[5])
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    layers = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    inputs = width
    for stage in range(4):
        for i in range(2):
            layers.append(Block(inputs, width * 2**stage, 2 if stage > 0 and i == 0 else 1))
            inputs = width * 2**stage
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, heads)]
    net = nn.Sequential(*layers).to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=rate)
    x = torch.randn(batch, 3, size, size, device=device)
    target = torch.arange(batch, device=device) % heads
    print(f"PyTorch {torch.__version__}\t{device}", flush=True)
    for line in sys.stdin:
        for _ in range(int(line)):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), target)
            loss.backward()
            optimizer.step()
        print(loss.item(), flush=True)


main()
