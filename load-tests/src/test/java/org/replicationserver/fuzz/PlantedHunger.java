package org.replicationserver.fuzz;

import java.util.ArrayList;
import java.util.List;

/** A parser that the first byte of an input makes take all memory, all time or all of the stack. One thread. */
public final class PlantedHunger implements FuzzTarget {
    private static final int CHUNK_BYTES = 1 << 24;

    private long steps;

    @Override
    public void run(byte[] input) {
        switch (input[0]) {
            case 'm' -> takeMemory();
            case 't' -> {
                while (input[0] == 't') {
                    steps++;
                }
            }
            case 's' -> descend();
            default -> {}
        }
    }

    private void takeMemory() {
        List<byte[]> taken = new ArrayList<>();
        while (steps >= 0) {
            taken.add(new byte[CHUNK_BYTES]);
            steps += taken.size();
        }
    }

    private void descend() {
        if (++steps >= 0) {
            descend();
        }
    }
}
