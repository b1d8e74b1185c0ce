package org.replicationserver.receiver.session;

import java.util.List;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/**
 * What a DATA or ZERO frame of a session may look like, and where its block may lie. Pure.
 *
 * @param streamCount of the session
 * @param rawLenMax the largest block of data
 */
record BlockRules(List<SessionVolume> volumes, int streamCount, int rawLenMax, int regionShift) {
    /** Checks lengths and place in the order of section 3 of the specification; returns the block's volume. */
    SessionVolume check(FrameHeader header, int stream) throws ProtocolException {
        checkLengths(header, rawLenMax);
        return checkPlace(header, stream);
    }

    /** What of a DATA, ZERO or TEST frame can be said without its place. */
    static void checkLengths(FrameHeader header, int rawLenMax) throws ProtocolException {
        long bytes = header.blockBytes();
        boolean zero = header.type() == FrameType.ZERO;
        boolean lengthsRight = bytes >= ProtocolLimits.SECTOR_BYTES
                && bytes % ProtocolLimits.SECTOR_BYTES == 0
                && (zero
                        ? header.payloadLen() == 0 && header.rawLen() == 0
                        : bytes <= rawLenMax && header.payloadLen() > 0 && header.payloadLen() <= bytes);
        if (!lengthsRight) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.LIMIT,
                    "length=" + bytes + " payload_len=" + header.payloadLen() + ", a block has 512 to " + rawLenMax
                            + " bytes in multiples of 512 and no more payload than that");
        }
        int codecMax = zero ? FrameHeader.CODEC_STORED : FrameHeader.CODEC_LZ4;
        int dflagsMax = zero ? FrameHeader.DFLAG_MAY_DEALLOCATE : 0;
        if (header.codec() > codecMax || header.dflags() > dflagsMax) {
            throw ProtocolException.at(
                    header, ErrorCode.UNSUPPORTED, "codec=" + header.codec() + " dflags=" + header.dflags());
        }
        if (!zero && (header.codec() == FrameHeader.CODEC_STORED) != (header.payloadLen() == bytes)) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.LIMIT,
                    "payload_len=" + header.payloadLen() + " raw_len=" + bytes
                            + ": equal when stored, shorter when compressed");
        }
    }

    private SessionVolume checkPlace(FrameHeader header, int stream) throws ProtocolException {
        if (header.volume() >= volumes.size()) {
            throw ProtocolException.at(header, ErrorCode.RANGE, "volume=" + header.volume() + " is not in WELCOME");
        }
        SessionVolume volume = volumes.get(header.volume());
        long offset = header.offsetBytes();
        long bytes = header.blockBytes();
        long size = volume.assignment.sizeBytes();
        if (offset < 0 || offset % ProtocolLimits.SECTOR_BYTES != 0 || offset > size || bytes > size - offset) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.RANGE,
                    "offset=" + Long.toUnsignedString(offset) + " length=" + bytes + " of a volume of " + size);
        }
        long region = offset >> regionShift;
        if (region != (offset + bytes - 1) >> regionShift) {
            throw ProtocolException.at(
                    header, ErrorCode.RANGE, "offset=" + offset + " length=" + bytes + " crosses a region");
        }
        if ((header.volume() + region) % streamCount != stream) {
            throw ProtocolException.at(header, ErrorCode.RANGE, "offset=" + offset + " is not on stream " + stream);
        }
        return volume;
    }
}
