/**
 * The demonstration: a real file system is replicated, and the replica is proven identical. {@code Demo} makes the disk and the proof, a
 * {@code Story} what happens in between.
 */
package org.replicationserver.demo;
