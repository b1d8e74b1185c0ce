package org.replicationserver.fuzz;

import java.nio.ByteBuffer;

/** A parser of entries behind a magic word and a count, of which the bound was forgotten: the engine is to find both. */
public final class PlantedFault implements FuzzTarget {
    private static final int MAGIC = 0x42525031;
    private static final int ENTRY_BYTES = 24;

    @Override
    public void run(byte[] input) {
        ByteBuffer bytes = ByteBuffer.wrap(input);
        if (bytes.remaining() >= 2 * Integer.BYTES && bytes.getInt() == MAGIC) {
            // Without: count <= bytes.remaining() / ENTRY_BYTES
            int count = bytes.getInt() & 0xf_ffff;
            ByteBuffer entries = ByteBuffer.allocate(count * ENTRY_BYTES);
            entries.put(bytes.limit(Math.min(bytes.limit(), bytes.position() + entries.remaining())));
        }
    }
}
