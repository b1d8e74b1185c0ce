package org.replicationserver.receiver.session;

/**
 * A stream of a session: its data connection and, for each volume, how far it has come. Event loop only.
 *
 * <p>Invariants of each volume on the stream: durableSeq and limitBytes only grow; durableSeq stays below the first seq that was
 * dropped; receivedBytes never exceeds limitBytes.
 */
final class StreamState {
    /** A volume on this stream. */
    static final class VolumeOnStream {
        /** Window bytes of the frames received since ATTACHED. */
        long receivedBytes;

        /** What receivedBytes may come to. */
        long limitBytes;

        /** The newest seq that is durable with all before it. */
        long durableSeq;

        /** The oldest seq that was dropped, so that no acknowledgement may reach it; 0 if none. */
        long droppedSeq;

        /** Frames received and not durable yet. */
        int unacked;

        /** Less than a largest block of the window is left while blocks are under way. */
        boolean usedUp;

        /** Something has changed since the last acknowledgement. */
        boolean changed;

        /** A frame came on this stream. */
        boolean used;

        void dropped(long seq) {
            if (droppedSeq == 0 || seq < droppedSeq) {
                droppedSeq = seq;
            }
        }
    }

    final int number;
    final AgentConnection connection;
    final VolumeOnStream[] volumes;

    /** Frames received and not durable yet, of all volumes. */
    int unacked;

    /** Seq of the FENCE of the open epoch; 0 if none came yet. */
    long fenceSeq;

    /** An acknowledgement is due. */
    boolean ackDue;

    long ackedNanos;

    StreamState(int number, AgentConnection connection, int volumeCount, long windowBytes, long nowNanos) {
        this.number = number;
        this.connection = connection;
        this.volumes = new VolumeOnStream[volumeCount];
        for (int i = 0; i < volumeCount; i++) {
            volumes[i] = new VolumeOnStream();
            volumes[i].limitBytes = windowBytes;
        }
        this.ackedNanos = nowNanos;
    }

    /** What an acknowledgement says of a volume. */
    long durableSeq(int volume) {
        VolumeOnStream v = volumes[volume];
        if (v.unacked == 0 && v.droppedSeq == 0) {
            v.durableSeq = Math.max(v.durableSeq, connection.receivedSeq());
        }
        return v.durableSeq;
    }

    /** Whether a frame of this stream was dropped, so that its epoch cannot be committed any more. */
    boolean hasDropped() {
        for (VolumeOnStream v : volumes) {
            if (v.droppedSeq != 0) {
                return true;
            }
        }
        return false;
    }
}
