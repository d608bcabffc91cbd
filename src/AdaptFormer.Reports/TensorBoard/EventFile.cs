using System.Buffers.Binary;
using System.Numerics;
using AdaptFormer.Files;

namespace AdaptFormer.Reports.TensorBoard;

/// <summary>
/// A file of TensorBoard events: TFRecords (length, checksum of the length, bytes, checksum of the bytes), each one <c>Event</c> message.
/// Every event is with the system when
/// <see cref="Write"/> returns; a record that a crash tore is left out by its readers. Not safe for several threads at once.
/// </summary>
internal sealed class EventFile : IDisposable
{
    // Field numbers of tensorflow/core/util/event.proto.
    private const int WallTime = 1, Step = 2, FileVersion = 3, Summary = 5;
    private const uint MaskDelta = 0xa282ead8;
    private readonly DiskStream _stream;

    /// <summary>Begins a file; one that is there is replaced.</summary>
    /// <param name="path">The file; readers look for <c>tfevents</c> in its name.</param>
    /// <param name="start">Time of the first event.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public EventFile(string path, DateTimeOffset start)
    {
        _stream = new DiskStream(path, FileMode.Create, FileShare.ReadWrite);
        Record(new ProtobufWriter().Write(WallTime, Seconds(start)).Write(FileVersion, "brain.Event:2"));
    }

    /// <summary>Appends an event.</summary>
    /// <param name="time">When it happened.</param>
    /// <param name="step">The epoch.</param>
    /// <param name="values">What it tells, from <see cref="SummaryValue"/>.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(DateTimeOffset time, long step, IEnumerable<ProtobufWriter> values)
    {
        const int value = 1;
        ProtobufWriter summary = new();
        foreach (ProtobufWriter one in values) summary.Write(value, one);
        Record(new ProtobufWriter().Write(WallTime, Seconds(time)).Write(Step, step).Write(Summary, summary));
    }

    /// <summary>Seconds since 1970, as TensorBoard counts time.</summary>
    public static double Seconds(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).TotalSeconds;

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    /// <summary>CRC-32C of some bytes, turned and shifted so that a checksum of bytes that hold checksums stays a good one.</summary>
    internal static uint MaskedCrc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes) crc = BitOperations.Crc32C(crc, b);
        return BitOperations.RotateRight(~crc, 15) + MaskDelta;
    }

    private void Record(ProtobufWriter message)
    {
        byte[] bytes = message.ToArray();
        Span<byte> head = stackalloc byte[sizeof(ulong) + sizeof(uint)], tail = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt64LittleEndian(head, (ulong)bytes.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[sizeof(ulong)..], MaskedCrc(head[..sizeof(ulong)]));
        BinaryPrimitives.WriteUInt32LittleEndian(tail, MaskedCrc(bytes));
        _stream.Write(head);
        _stream.Write(bytes);
        _stream.Write(tail);
        _stream.Flush();
    }
}
