/** The demonstration: a real file system is replicated, the server is killed, and the replica is proven identical. */
package org.replicationserver.demo;
