package org.replicationserver.agent;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;

/** A server that was named when the agent was started. */
record GivenServer(ServerAddress address, ServerPins pins) implements ServerLookup {
    @Override
    public Found find() throws IOException {
        return new Found(address.toString(), addressesOf(address.host()), address.port(), pins.read());
    }

    static List<InetAddress> addressesOf(String host) throws IOException {
        try {
            return List.of(InetAddress.getAllByName(host));
        } catch (UnknownHostException e) {
            throw new IOException("no address is known for " + host, e);
        }
    }

    @Override
    public Change mayChange() {
        return pins.mayChange() ? Change.PINS : Change.NOTHING;
    }
}
