package org.replicationserver.fuzz;

/**
 * Expands LZ4 blocks byte by byte, as the description of the format says: sequences of a token, literals, an offset and a match; the last
 * one ends with its literals.
 *
 * <p>The description also says how a block ends, so that decoders may copy more than a byte at a time: its last five bytes are literals, and
 * its last match begins twelve bytes before its end at the latest. Decoders may refuse a block that ends in another way, or expand it.
 */
final class ReferenceLz4 {
    private static final int MORE = 15;
    private static final int MATCH_BYTES_MIN = 4;
    private static final int LAST_LITERALS = 5;
    private static final int LAST_MATCH_BYTES = 12;

    /** What decoders are to make of a block. */
    enum Verdict {
        EXPANDED,
        /** Expanded or refused: it ends in another way than described. */
        EXPANDED_OR_REFUSED,
        /** A match at a distance of 0 copies what nobody has written; decoders do not all look for it. */
        UNDEFINED,
        REFUSED
    }

    private final byte[] in;
    private final byte[] out;
    private int inAt;
    private int outAt;
    private int lastMatchAt = -LAST_MATCH_BYTES;
    private int lastMatchEnd = -LAST_LITERALS;
    private boolean distanceZero;
    private boolean whole;

    private ReferenceLz4(byte[] in, int rawBytes) {
        this.in = in;
        this.out = new byte[rawBytes];
    }

    /** Expands the whole block. */
    static ReferenceLz4 expand(byte[] block, int rawBytes) {
        ReferenceLz4 decoder = new ReferenceLz4(block, rawBytes);
        decoder.whole = decoder.sequences() && decoder.outAt == rawBytes;
        return decoder;
    }

    Verdict verdict() {
        if (distanceZero) {
            return Verdict.UNDEFINED;
        }
        if (!whole) {
            return Verdict.REFUSED;
        }
        boolean endsAsDescribed =
                out.length - lastMatchAt >= LAST_MATCH_BYTES && out.length - lastMatchEnd >= LAST_LITERALS;
        return endsAsDescribed ? Verdict.EXPANDED : Verdict.EXPANDED_OR_REFUSED;
    }

    /** What the block expands to, if it does. */
    byte[] raw() {
        return out;
    }

    private boolean sequences() {
        while (inAt < in.length) {
            int token = next();
            long literals = length(token >> 4);
            if (literals < 0 || literals > in.length - inAt || literals > out.length - outAt) {
                return false;
            }
            System.arraycopy(in, inAt, out, outAt, (int) literals);
            inAt += (int) literals;
            outAt += (int) literals;
            if (inAt == in.length) {
                return true;
            }
            if (!match(token)) {
                return false;
            }
        }
        return false;
    }

    private boolean match(int token) {
        if (in.length - inAt < 2) {
            return false;
        }
        int offset = next() | next() << 8;
        long length = length(token & MORE);
        distanceZero = offset == 0;
        if (length < 0 || distanceZero || offset > outAt || length + MATCH_BYTES_MIN > out.length - outAt) {
            return false;
        }
        lastMatchAt = outAt;
        for (long left = length + MATCH_BYTES_MIN; left > 0; left--) {
            out[outAt] = out[outAt - offset];
            outAt++;
        }
        lastMatchEnd = outAt;
        return true;
    }

    /** -1 if it is cut off. */
    private long length(int nibble) {
        long length = nibble;
        for (int more = nibble == MORE ? 255 : 0; more == 255; length += more) {
            if (inAt == in.length) {
                return -1;
            }
            more = next();
        }
        return length;
    }

    private int next() {
        return Byte.toUnsignedInt(in[inAt++]);
    }
}
