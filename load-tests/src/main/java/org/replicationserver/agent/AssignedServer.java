package org.replicationserver.agent;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.replicationserver.controlplane.ApiClient;

/**
 * The server that a control plane assigns: the agent registers once, then asks before each session where to connect and which pins the
 * server may show. One thread, which may block.
 */
public final class AssignedServer implements ServerLookup {
    private static final String REGISTER = "RegisterAgentForMgn";
    static final String CONFIGURATION = "GetAgentRuntimeConfigurationForMgn";

    private final ApiClient controlPlane;
    private final ControlPlaneName name;
    private @Nullable JsonObject registration;
    private @Nullable String sourceServerId;
    private boolean registered;

    public AssignedServer(ApiClient controlPlane) {
        this(controlPlane, "the authority that was given", "the access key that was given");
    }

    /**
     * A control plane with what to say of it when it does not answer as it should.
     *
     * @param trust what its certificate is trusted by
     * @param credentials what requests are signed with, without the secret
     */
    AssignedServer(ApiClient controlPlane, String trust, String credentials) {
        this.controlPlane = controlPlane;
        this.name = new ControlPlaneName(controlPlane.endpoint(), trust, credentials);
    }

    @Override
    public void lookFor(String id) {
        sourceServerId = id;
    }

    @Override
    public void introduce(ReplicationPlan plan) {
        JsonArray disks = new JsonArray();
        plan.disks()
                .forEach(disk -> disks.add(
                        new JsonObject().put("deviceName", disk.deviceName()).put("sizeBytes", disk.sizeBytes())));
        sourceServerId = plan.sourceServerId();
        registration = about().put("agentPin", plan.agentPin()).put("disks", disks);
    }

    private JsonObject about() {
        return new JsonObject().put("sourceServerId", sourceServerId);
    }

    @Override
    public Found find() throws IOException {
        if (!registered && registration != null) {
            call(REGISTER, registration);
            registered = true;
        }
        Pairing pairing = Pairing.of(call(CONFIGURATION, about()), name, String.valueOf(sourceServerId));
        return new Found(
                pairing.words(),
                GivenServer.addressesOf(pairing.address().host()),
                pairing.address().port(),
                pairing.pins());
    }

    private JsonObject call(String operation, JsonObject body) throws IOException {
        try {
            return name.content(operation, controlPlane.call(operation, body));
        } catch (LookupException e) {
            throw e;
        } catch (IOException e) {
            throw LookupException.failed(name.noAnswer(e), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw LookupException.failed("interrupted while " + name + " is asked", e);
        }
    }

    @Override
    public Change mayChange() {
        return Change.SERVER;
    }
}
