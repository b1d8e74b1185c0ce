#!/usr/bin/env python3
"""Makes the pages of this folder, as an EBS volume's NVMe device answers them, from the published layouts alone: the Identify Controller
data structure of the NVM Express Base Specification with Amazon's vendor area, and the log page D0h of Amazon's user guide of EBS.
They are checked in; this is how they were made:  ./make-pages.py

Each number is written field by field in the order of the layout, so that an offset that is wrong in the Java code cannot be wrong here
in the same way.
"""

import struct


def padded(text, size):
    return text.encode("ascii").ljust(size)


def identify(vendor, serial, model, name):
    page = struct.pack("<HH", vendor, vendor)  # vid, ssvid
    page += padded(serial, 20) + padded(model, 40) + padded("1.0", 8)  # sn, mn, fr
    page = page.ljust(3072, b"\0")
    page += padded(name, 32)
    return page.ljust(4096, b"\0")


def histogram(bins):
    written = struct.pack("<Q", len(bins))
    for lower, upper, count in bins:
        written += struct.pack("<QQII", lower, upper, count, 0)
    return written.ljust(8 + 64 * 24, b"\0")


def statistics():
    page = struct.pack("<I4x", 0x3C23B510)
    page += struct.pack("<QQ", 1001, 2002)  # operations: read, written
    page += struct.pack("<QQ", 4100096, 8200192)  # bytes
    page += struct.pack("<QQ", 500500, 900900)  # microseconds
    page += struct.pack("<QQ", 11000011, 22000022)  # exceeded by the volume: IOPS, throughput
    page += struct.pack("<QQ", 33000033, 44000044)  # exceeded by the instance: IOPS, throughput
    page += struct.pack("<Q", 7)  # queue length
    page += bytes(416)
    page += histogram([(0, 1024, 3), (1024, 2048, 998)]) + histogram([(0, 1024, 2), (2048, 4096, 2000)])
    return page.ljust(4096, b"\0")


EBS = "Amazon Elastic Block Store"
with open("ebs-volume.pages", "wb") as file:
    file.write(identify(0x1D0F, "vol0123456789abcdef0", EBS, "/dev/sdf") + statistics())
with open("emulated-volume.pages", "wb") as file:
    file.write(identify(0x1B36, "vol0fedcba9876543210", "QEMU NVMe Ctrl", "not a name"))
