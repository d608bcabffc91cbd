using AdaptFormer.Distributed;

namespace AdaptFormer.Tests.Distributed;

/// <summary>Ranks that are threads of this process: everything that processes exchange, without a launcher.</summary>
internal sealed class ThreadCollective : Collective
{
    private readonly Room _room;

    private ThreadCollective(Room room, int rank)
    {
        (_room, Rank) = (room, rank);
        Meet();
    }

    public override int Rank { get; }

    public override int Size => _room.Size;

    public override string Library => "threads";

    /// <summary>Does the same work at several ranks at once; when one fails the others end too, and its error is thrown.</summary>
    public static void Run(int size, Action<Collective> work)
    {
        Room room = new(size);
        Exception?[] errors = new Exception?[size];
        Thread[] threads = [.. Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                work(new ThreadCollective(room, rank));
            }
            catch (Exception error)
            {
                errors[rank] = error;
                room.Failed.Cancel();
            }
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        if (errors.FirstOrDefault(error => error is not (null or ExchangeException)) is { } first) throw first;
        if (errors.FirstOrDefault(error => error is not null) is { } any) throw any;
    }

    protected override void GatherBytes(ReadOnlySpan<byte> own, Span<byte> all)
    {
        byte[][] offered = Offer(own);
        for (int rank = 0; rank < Size; rank++) offered[rank].CopyTo(all[(rank * own.Length)..]);
        Meet(_room);
    }

    protected override void ExchangeBytes(ReadOnlySpan<byte> send, Span<byte> received)
    {
        int part = send.Length / Size;
        byte[][] offered = Offer(send);
        for (int rank = 0; rank < Size; rank++) offered[rank].AsSpan(Rank * part, part).CopyTo(received[(rank * part)..]);
        Meet(_room);
    }

    // Another order than that of the ranks, as a library may have.
    protected override void SumFloats(Span<float> values)
    {
        byte[][] offered = Offer(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values));
        for (int i = 0; i < values.Length; i++)
        {
            float sum = 0;
            for (int rank = Size - 1; rank >= 0; rank--) sum += BitConverter.ToSingle(offered[rank], i * sizeof(float));
            values[i] = sum;
        }

        Meet(_room);
    }

    protected override void BroadcastBytes(Span<byte> bytes)
    {
        Offer(bytes)[0].CopyTo(bytes);
        Meet(_room);
    }

    private byte[][] Offer(ReadOnlySpan<byte> bytes)
    {
        _room.Offered[Rank] = bytes.ToArray();
        Meet(_room);
        return _room.Offered;
    }

    private void Meet(Room room)
    {
        try
        {
            if (!room.Barrier.SignalAndWait((int)Timeout.TotalMilliseconds, room.Failed.Token)) throw new ExchangeException($"no answer at {Place}");
        }
        catch (OperationCanceledException error)
        {
            throw new ExchangeException($"another rank failed at {Place}", error);
        }
    }

    private sealed class Room(int size)
    {
        public int Size => size;

        public Barrier Barrier { get; } = new(size);

        public byte[][] Offered { get; } = new byte[size][];

        public CancellationTokenSource Failed { get; } = new();
    }
}
