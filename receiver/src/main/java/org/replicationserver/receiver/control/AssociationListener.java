package org.replicationserver.receiver.control;

/** Told what is assigned. */
public interface AssociationListener {
    /**
     * What is assigned has changed, or is known for the first time. Called on the executor that was named for it.
     *
     * @param associations all of them
     */
    void changed(Associations associations);
}
