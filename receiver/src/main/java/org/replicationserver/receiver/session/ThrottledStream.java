package org.replicationserver.receiver.session;

/** The bytes of a data connection as they come from the wire, before anything is made of them. Event loop only. */
public interface ThrottledStream {
    /** From now on bytes pass only by {@link #pass}, or freely again. Told when it changes; in the beginning they pass freely. */
    void throttled(boolean on);

    /**
     * Its turn, after {@link SourceThrottle#wants}: passes bytes on.
     *
     * @param bytesMax not more than that
     * @return how many; the stream asks for another turn if it has more
     */
    int pass(int bytesMax);
}
