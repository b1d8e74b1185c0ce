package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.BandwidthSchedule;

/**
 * What the control plane answered to the question what is assigned.
 *
 * @param associations all that are well-formed
 * @param malformed the others
 * @param bandwidthMistake a sentence for people if the whole server's bandwidth cannot be used, else null
 */
public record AssociationsAnswer(
        Associations associations,
        List<Malformed> malformed,
        @Nullable String bandwidthMistake) {
    static final String ASSOCIATIONS = "associations";
    static final String BANDWIDTH = "bandwidth";

    /**
     * An association that cannot be used.
     *
     * @param sourceServerId null if not even that can be read
     * @param mistake a sentence for people
     */
    public record Malformed(@Nullable String sourceServerId, String mistake) {}

    public AssociationsAnswer {
        malformed = List.copyOf(malformed);
    }

    /** An answer in which all is well-formed. */
    static AssociationsAnswer of(Associations associations) {
        return new AssociationsAnswer(associations, List.of(), null);
    }

    /**
     * Reads each association by itself.
     *
     * @throws MalformedException if there is no list of them at all
     */
    static AssociationsAnswer read(JsonObject json) throws MalformedException {
        JsonMembers members = JsonMembers.of(json);
        JsonArray elements = members.array(ASSOCIATIONS, 0, Integer.MAX_VALUE);
        Ownership ownership = new Ownership();
        List<Association> read = new ArrayList<>();
        List<Malformed> malformed = new ArrayList<>();
        for (int i = 0; i < elements.size(); i++) {
            String id = null;
            try {
                JsonMembers element = element(elements.getValue(i));
                id = WireForms.sourceServerId(element, Association.SOURCE_SERVER_ID);
                Association association = Association.read(element);
                String objection = ownership.take(association);
                if (objection != null) {
                    throw new MalformedException(objection);
                }
                read.add(association);
            } catch (MalformedException e) {
                malformed.add(new Malformed(id, ASSOCIATIONS + "[" + i + "]: " + e.getMessage()));
            }
        }
        try {
            BandwidthSchedule bandwidth = members.has(BANDWIDTH) ? BandwidthJson.read(members.object(BANDWIDTH)) : null;
            return new AssociationsAnswer(new Associations(read, bandwidth), malformed, null);
        } catch (MalformedException e) {
            return new AssociationsAnswer(new Associations(read, null), malformed, e.getMessage());
        }
    }

    private static JsonMembers element(@Nullable Object element) throws MalformedException {
        if (element instanceof JsonObject object) {
            return JsonMembers.of(object);
        }
        throw new MalformedException("no object");
    }

    /**
     * What is assigned now, if it was {@code former} before: a mistake takes nothing away. A source server whose association cannot be
     * read keeps the one that it has, unless others have been given what is in it; and while it is unknown whose association cannot be
     * read, none is removed.
     */
    Associations after(Associations former) {
        Set<String> unread = malformed.stream()
                .map(Malformed::sourceServerId)
                .flatMap(Stream::ofNullable)
                .collect(Collectors.toSet());
        boolean someUnknown = malformed.stream().anyMatch(one -> one.sourceServerId() == null);
        Ownership ownership = new Ownership();
        List<Association> now = new ArrayList<>(associations.associations());
        now.forEach(ownership::take);
        for (Association association : former.associations()) {
            boolean keeps = someUnknown || unread.contains(association.sourceServerId());
            if (keeps && ownership.take(association) == null) {
                now.add(association);
            }
        }
        return new Associations(now, bandwidthMistake == null ? associations.bandwidth() : former.bandwidth());
    }
}
