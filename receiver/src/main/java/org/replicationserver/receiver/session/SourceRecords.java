package org.replicationserver.receiver.session;

import java.util.concurrent.CompletionStage;

/** Where the records of source servers are kept. Event loop only. */
public interface SourceRecords {
    /**
     * What was kept of a source server: a record, none, or one that cannot be read; the latter is a loss of state and never a
     * guess.
     */
    sealed interface Loaded {
        record Found(SourceRecord record) implements Loaded {}

        record Missing() implements Loaded {}

        record Unreadable(String cause) implements Loaded {}
    }

    Loaded load(String sourceServerId);

    /**
     * Makes the record durable, in the order of the calls. The stage completes on the event loop; it never fails, because a server
     * that cannot keep its state ends itself.
     */
    CompletionStage<Void> store(String sourceServerId, SourceRecord record);
}
