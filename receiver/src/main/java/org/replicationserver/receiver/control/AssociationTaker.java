package org.replicationserver.receiver.control;

import java.util.Map;

/** Makes associations the assignment of this server, as far as that can be. */
public interface AssociationTaker {
    /**
     * What has become of associations.
     *
     * @param associations what is assigned now: of a source server whose association was refused, what it had before
     * @param refusals why what was said of a source server could not be taken, a sentence for people by its id
     */
    record Taken(Associations associations, Map<String, String> refusals) {
        public Taken {
            refusals = Map.copyOf(refusals);
        }
    }

    /**
     * What shall be assigned has changed, or is known for the first time. Called on the executor that was named for it; what follows of it,
     * volumes to be opened and closed, may take longer.
     *
     * @param associations all of them
     */
    Taken take(Associations associations);
}
