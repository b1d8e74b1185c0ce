package org.replicationserver.agent;

import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ProtocolException;

/** What an {@link AgentLink} belongs to. Event loop only. */
interface LinkOwner {
    /** Sends what can be sent. */
    void pump();

    /** Hands what was sent to the sockets. */
    void flush();

    AgentCounters count();

    /** Whether the server has granted an optional feature; the types of others are unknown. */
    boolean grants(String feature);

    /** The server reported an error. */
    void errorReceived(AgentLink link, ErrorBody error);

    /** The server broke the protocol; it was told. */
    void serverBroke(ProtocolException e);

    /** A link could not be opened, or is gone. */
    void linkClosed(AgentLink link, LinkFailure failure);
}
