package org.replicationserver.volume;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;

/** Compares a real device with an array, over random writes, zeros and reads of whole sectors. */
final class DeviceModel {
    private static final int SECTOR_BYTES = 512;
    private static final int SECTORS_MAX = 40;

    private final long seed;
    private final Random random;
    private final BlockDevice device;
    private final byte[] model;

    DeviceModel(String test, BlockDevice device, int assignedSizeBytes) throws DeviceException {
        this.seed = System.nanoTime();
        System.out.println(test + " seed=" + seed);
        this.random = new Random(seed);
        this.device = device;
        this.model = read(0, assignedSizeBytes);
    }

    /** What the assigned part of the device has to hold. */
    byte[] bytes() {
        return model;
    }

    void check(int steps) throws DeviceException {
        for (int step = 0; step < steps; step++) {
            int sectors = model.length / SECTOR_BYTES;
            int first = random.nextInt(8) == 0 ? Math.max(0, sectors - 1 - random.nextInt(9)) : random.nextInt(sectors);
            int count = 1 + random.nextInt(Math.min(SECTORS_MAX, sectors - first));
            int offset = first * SECTOR_BYTES;
            int length = count * SECTOR_BYTES;
            switch (random.nextInt(3)) {
                case 0 -> zero(offset, length);
                case 1 -> write(offset, length);
                default ->
                    assertThat(read(offset, length))
                            .as("seed=%d step=%d offset=%d", seed, step, offset)
                            .isEqualTo(Arrays.copyOfRange(model, offset, offset + length));
            }
        }
        device.force();
        assertThat(Arrays.equals(read(0, model.length), model))
                .as("seed=%d", seed)
                .isTrue();
    }

    private void zero(int offset, int length) throws DeviceException {
        device.zero(offset, length, random.nextBoolean());
        Arrays.fill(model, offset, offset + length, (byte) 0);
    }

    private void write(int offset, int length) throws DeviceException {
        byte[] content = new byte[length];
        random.nextBytes(content);
        try (Arena arena = Arena.ofConfined()) {
            // As the writer has it, or anywhere, or on the heap.
            int place = random.nextBoolean() ? offset % 4096 : random.nextInt(4096);
            MemorySegment memory = random.nextInt(4) == 0
                    ? MemorySegment.ofArray(new byte[length])
                    : arena.allocate(length + 4096L, 4096).asSlice(place, length);
            memory.copyFrom(MemorySegment.ofArray(content));
            device.write(memory, offset);
        }
        System.arraycopy(content, 0, model, offset, length);
    }

    private byte[] read(int offset, int length) throws DeviceException {
        byte[] content = new byte[length];
        device.read(MemorySegment.ofArray(content), offset);
        return content;
    }
}
