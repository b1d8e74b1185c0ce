package org.replicationserver.volume;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One block on its way to a volume. Pooled by its producer, which may extend it.
 *
 * <p>It belongs to the producer's thread until {@link Volume#submit} and again from the moment it is reported; in
 * between it and its payload are the writer's alone. {@code toString} shows no content.
 */
public class BlockWrite {
    /** The largest DATA block. */
    public static final int DATA_BYTES_MAX = 1024 * 1024;

    /** What a ZERO counts in windows and rounds, whatever its length. */
    public static final long ZERO_WINDOW_BYTES = 4096;

    /** What the block does to its range. */
    public enum Kind {
        DATA,
        ZERO
    }

    /** How the payload holds the raw bytes. */
    public enum Codec {
        STORED,
        LZ4
    }

    /** What became of the write. */
    public enum Outcome {
        PENDING,
        /** On stable storage, or a ZERO of a place that is zero already. */
        DURABLE,
        /** Malformed LZ4, or length or CRC32C differ. Nothing of it was written. */
        CORRUPT,
        /** Not durable, maybe written: the volume failed, the owner was fenced, or the writer was stopped. */
        DROPPED
    }

    // the producer before submit, the writer after
    private Kind kind = Kind.ZERO;
    private Codec codec = Codec.STORED;
    private boolean mayDeallocate;
    private long offsetBytes;
    private long lengthBytes;
    private @Nullable ByteBuffer payload;
    private int rawCrc32c;
    private @Nullable Object owner;
    private long submittedNanos;

    // the writer only
    private Outcome outcome = Outcome.PENDING;
    private boolean submitted;
    private long sequence;

    /**
     * Makes this a block of data.
     *
     * @param lengthBytes of the raw bytes
     * @param payload position and limit bound it; direct memory, so that expanding it needs no copy
     * @param rawCrc32c of the raw bytes
     */
    public final void setData(
            Object owner, long offsetBytes, int lengthBytes, Codec codec, ByteBuffer payload, int rawCrc32c) {
        requireNotSubmitted();
        this.kind = Kind.DATA;
        this.codec = codec;
        this.mayDeallocate = false;
        this.offsetBytes = offsetBytes;
        this.lengthBytes = lengthBytes;
        this.payload = payload;
        this.rawCrc32c = rawCrc32c;
        this.owner = owner;
        this.outcome = Outcome.PENDING;
    }

    /** Makes this a range of zeros. */
    public final void setZero(Object owner, long offsetBytes, long lengthBytes, boolean mayDeallocate) {
        requireNotSubmitted();
        this.kind = Kind.ZERO;
        this.codec = Codec.STORED;
        this.mayDeallocate = mayDeallocate;
        this.offsetBytes = offsetBytes;
        this.lengthBytes = lengthBytes;
        this.payload = null;
        this.rawCrc32c = 0;
        this.owner = owner;
        this.outcome = Outcome.PENDING;
    }

    /** For the producer's own statistics; the writer does not read it. */
    public final void setSubmittedNanos(long submittedNanos) {
        this.submittedNanos = submittedNanos;
    }

    /** Lets go of payload and owner, so that an idle pool holds neither. */
    public final void clear() {
        requireNotSubmitted();
        payload = null;
        owner = null;
    }

    /** The volume's to call, before it reports the write. */
    public final void settle(Outcome settled) {
        outcome = settled;
    }

    public final Kind kind() {
        return kind;
    }

    public final Codec codec() {
        return codec;
    }

    public final boolean mayDeallocate() {
        return mayDeallocate;
    }

    public final long offsetBytes() {
        return offsetBytes;
    }

    /** Raw length. */
    public final long lengthBytes() {
        return lengthBytes;
    }

    public final long endBytes() {
        return offsetBytes + lengthBytes;
    }

    /** What the write counts in windows and rounds. */
    public final long windowBytes() {
        return kind == Kind.DATA ? lengthBytes : ZERO_WINDOW_BYTES;
    }

    /** Null for a ZERO. */
    public final @Nullable ByteBuffer payload() {
        return payload;
    }

    public final int rawCrc32c() {
        return rawCrc32c;
    }

    public final @Nullable Object owner() {
        return owner;
    }

    public final long submittedNanos() {
        return submittedNanos;
    }

    public final Outcome outcome() {
        return outcome;
    }

    final void enterQueue(long sequence) {
        requireNotSubmitted();
        this.sequence = sequence;
        this.submitted = true;
    }

    final void leaveQueue() {
        submitted = false;
    }

    /** Counts the submissions to one volume, from 1. */
    final long sequence() {
        return sequence;
    }

    private void requireNotSubmitted() {
        if (submitted) {
            throw new IllegalStateException("still with the volume: " + this);
        }
    }

    @Override
    public String toString() {
        return "BlockWrite[kind=" + kind + " codec=" + codec + " offset=" + offsetBytes + " length=" + lengthBytes
                + " outcome=" + outcome + "]";
    }
}
