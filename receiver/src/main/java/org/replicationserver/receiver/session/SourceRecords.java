package org.replicationserver.receiver.session;

import java.util.concurrent.CompletionStage;

/** Where the records of source servers are kept. Event loop only. */
public interface SourceRecords {
    /**
     * What was kept of a source server: {@link SourceRecord#initial} if nothing was, {@link SourceRecord#lost} if it cannot be read,
     * which is a loss of state and never a guess. In the order of the calls, stores included; never fails.
     */
    CompletionStage<SourceRecord> load(String sourceServerId);

    /**
     * Makes the record durable, in the order of the calls. The stage completes on the event loop; it never fails, because a server
     * that cannot keep its state ends itself.
     */
    CompletionStage<Void> store(String sourceServerId, SourceRecord record);
}
