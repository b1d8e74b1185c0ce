package org.replicationserver.crash;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Where the TLS records of a flow end: each has a type, a version of two bytes and a length of two bytes. One thread at a time. */
final class TlsRecords {
    private static final int HEADER_BYTES = 5;
    private static final int VERSION_AT = 1;
    private static final int APPLICATION_DATA = 23;

    private record TlsRecord(int type, long end) {}

    /** The last of them may have come in part only. */
    private final List<TlsRecord> records = new ArrayList<>();

    private final byte[] header = new byte[HEADER_BYTES];
    private int headerBytes;

    /** All bytes that were read. */
    private long position;

    /** Takes what comes next. */
    void read(byte[] buffer, int length) {
        int at = 0;
        while (at < length) {
            long missing = endOf(records.size()) - position;
            if (missing > 0) {
                int skipped = (int) Math.min(missing, length - at);
                at += skipped;
                position += skipped;
                continue;
            }
            header[headerBytes++] = buffer[at++];
            position++;
            if (headerBytes == HEADER_BYTES) {
                headerBytes = 0;
                int bodyBytes = ((header[3] & 0xff) << 8) | (header[4] & 0xff);
                records.add(new TlsRecord(header[0] & 0xff, position + bodyBytes));
            }
        }
    }

    /** The byte after so many records, whose headers must have been read. */
    long endOf(int count) {
        return count == 0 ? 0 : records.get(count - 1).end();
    }

    /** The byte at a place, or -1 if that is not known yet. */
    long byteAt(FaultyNetwork.Place place) {
        return place.records() > records.size() ? -1 : Math.max(0, endOf(place.records()) + place.bytes());
    }

    /** Where a byte is that has been read. */
    FaultyNetwork.Place placeOf(long at) {
        int before = 0;
        while (endOf(before + 1) <= at) {
            before++;
        }
        return new FaultyNetwork.Place(before, at - endOf(before));
    }

    /** Whether a place is in the version of a record's header, which TLS does not protect. */
    static boolean isVersion(FaultyNetwork.Place place) {
        return place.bytes() == VERSION_AT || place.bytes() == VERSION_AT + 1;
    }

    /** How many records there are up to the newest with application data. */
    int untilApplicationData() {
        int count = records.size();
        while (count > 0 && records.get(count - 1).type() != APPLICATION_DATA) {
            count--;
        }
        return count;
    }

    /** The last of so many records, out of all bytes. */
    byte[] last(byte[] all, int count) {
        return Arrays.copyOfRange(all, (int) endOf(count - 1), (int) endOf(count));
    }
}
