package org.replicationserver.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.replicationserver.process.RunException;

/**
 * Files of zeros whose blocks are all there, as those of a block device are.
 *
 * <p>Else the first round would also pay for the allocation of blocks, and in a virtual machine for memory that the host has yet to
 * find: several times of what is measured here.
 */
final class BlankFile {
    private static final int PIECE_BYTES = 1024 * 1024;

    private BlankFile() {}

    static void make(Path path, long bytes) throws RunException {
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            ByteBuffer zeros = ByteBuffer.allocateDirect(PIECE_BYTES);
            for (long at = 0; at < bytes; at += zeros.position()) {
                zeros.clear().limit((int) Math.min(PIECE_BYTES, bytes - at));
                while (zeros.hasRemaining()) {
                    file.write(zeros, at + zeros.position());
                }
            }
            file.force(true);
        } catch (IOException e) {
            throw new RunException("cannot fill " + path + ": " + e.getMessage(), e);
        }
    }
}
