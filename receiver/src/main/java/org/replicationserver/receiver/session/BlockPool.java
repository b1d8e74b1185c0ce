package org.replicationserver.receiver.session;

import java.util.ArrayDeque;

/** Descriptors of blocks, and the payload memory that they hold. Event loop only. */
final class BlockPool {
    /** Idle descriptors that are kept; those beyond are left to the garbage collector. */
    private static final int IDLE_MAX = 4096;

    private final ArrayDeque<InboundBlock> idle = new ArrayDeque<>();
    private final PayloadMemory memory;

    BlockPool(PayloadMemory memory) {
        this.memory = memory;
    }

    /** A descriptor without payload. */
    InboundBlock take() {
        InboundBlock block = idle.pollLast();
        return block != null ? block : new InboundBlock();
    }

    /** A descriptor with payload memory. */
    InboundBlock take(int payloadBytes) {
        InboundBlock block = take();
        block.payloadBytes = payloadBytes;
        memory.allocate(block.memory, payloadBytes);
        return block;
    }

    void giveBack(InboundBlock block) {
        if (block.memory.handle() != null) {
            memory.release(block.memory);
            block.memory.letGo();
        }
        block.payloadBytes = 0;
        block.session = null;
        block.clear();
        if (idle.size() < IDLE_MAX) {
            idle.addLast(block);
        }
    }
}
