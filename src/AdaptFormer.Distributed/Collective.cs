using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace AdaptFormer.Distributed;

/// <summary>
/// The processes that carry out one training together, and what they exchange. Every call is made by all of them, in the same order and
/// with the same lengths; each returns when this process has what it asked for. The processes are called ranks and numbered from 0.
/// </summary>
public abstract class Collective : IDisposable
{
    private const int LargestPart = 1 << 28, SummedPart = 1 << 20;
    private string[] _hosts = [];
    private long _ticks;

    /// <summary>This process alone: every exchange is a copy.</summary>
    public static Collective Single { get; } = new SingleProcess();

    /// <summary>Which of the processes this is, in [0, <see cref="Size"/>). Rank 0 writes and speaks for all.</summary>
    public abstract int Rank { get; }

    /// <summary>Number of processes.</summary>
    public abstract int Size { get; }

    /// <summary>What carries the exchanges, for people: <c>Open MPI 4.1.4</c>.</summary>
    public abstract string Library { get; }

    /// <summary>Whether this is rank 0.</summary>
    public bool IsFirst => Rank == 0;

    /// <summary>Name of the machine of each rank.</summary>
    public IReadOnlyList<string> Hosts => _hosts.Length > 0 ? _hosts : [Environment.MachineName];

    /// <summary>Which of the ranks on its machine this one is, from 0: names the device that it takes.</summary>
    public int LocalRank => Hosts.Take(Rank).Count(host => host == Hosts[Rank]);

    /// <summary>Number of ranks on this machine.</summary>
    public int LocalSize => Hosts.Count(host => host == Hosts[Rank]);

    /// <summary>Longest time that an exchange may take before it is an error.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(300);

    /// <summary>Where the work stands, for the message of an exchange that fails: <c>epoch 3, step 41</c>.</summary>
    public string Place { get; set; } = "the start";

    /// <summary>Time spent in exchanges so far, waiting for slower ranks included.</summary>
    public TimeSpan ExchangeTime => TimeSpan.FromSeconds((double)_ticks / Stopwatch.Frequency);

    /// <summary>Gathers equally long parts of all ranks at all ranks.</summary>
    /// <param name="own">This rank's part.</param>
    /// <param name="all">The parts one behind the other, rank 0's first.</param>
    /// <exception cref="ArgumentException">The lengths do not fit each other.</exception>
    /// <exception cref="ExchangeException">Another process does not answer, or the library failed.</exception>
    public void Gather<T>(ReadOnlySpan<T> own, Span<T> all) where T : unmanaged
    {
        if (all.Length != own.Length * Size)
            throw new ArgumentException($"Collective.Gather: {Size} parts of {own.Length} do not fit {all.Length} places.");
        long began = Stopwatch.GetTimestamp();
        GatherBytes(MemoryMarshal.AsBytes(own), MemoryMarshal.AsBytes(all));
        Count(began);
    }

    /// <summary>Gathers texts or records of any length, every rank's at all ranks.</summary>
    /// <exception cref="ExchangeException">Another process does not answer, or the library failed.</exception>
    public byte[][] Gather(ReadOnlySpan<byte> own)
    {
        int[] lengths = new int[Size];
        Gather([own.Length], lengths);
        int longest = lengths.Max();
        byte[] padded = new byte[longest], all = new byte[checked(longest * Size)];
        own.CopyTo(padded);
        Gather<byte>(padded, all);
        return [.. lengths.Select((length, rank) => all.AsSpan(rank * longest, length).ToArray())];
    }

    /// <summary>Sends the r-th of <see cref="Size"/> equal parts to rank r, and receives the part that each rank has for this
    /// one.</summary>
    /// <param name="send">The parts one behind the other.</param>
    /// <param name="received">What the ranks sent, rank 0's first.</param>
    /// <exception cref="ArgumentException">The lengths do not fit each other.</exception>
    /// <exception cref="ExchangeException">Another process does not answer, or the library failed.</exception>
    public void Exchange(ReadOnlySpan<float> send, Span<float> received)
    {
        if (send.Length != received.Length || send.Length % Size != 0)
            throw new ArgumentException($"Collective.Exchange: {send.Length} and {received.Length} numbers are no {Size} equal parts.");
        long began = Stopwatch.GetTimestamp();
        ExchangeBytes(MemoryMarshal.AsBytes(send), MemoryMarshal.AsBytes(received));
        Count(began);
    }

    /// <summary>Sums numbers over all ranks in place, in the order that the library finds fastest.</summary>
    /// <exception cref="ExchangeException">Another process does not answer, or the library failed.</exception>
    public void Sum(Span<float> values)
    {
        long began = Stopwatch.GetTimestamp();
        for (int at = 0; at < values.Length; at += SummedPart) SumFloats(values.Slice(at, Math.Min(SummedPart, values.Length - at)));
        Count(began);
    }

    /// <summary>Gives every rank what rank 0 has.</summary>
    /// <param name="own">What rank 0 sends; read there only.</param>
    /// <exception cref="ExchangeException">Another process does not answer, or the library failed.</exception>
    public byte[] Broadcast(byte[]? own)
    {
        if (Size == 1) return own ?? [];
        long[] length = [own?.LongLength ?? 0];
        long began = Stopwatch.GetTimestamp();
        BroadcastBytes(MemoryMarshal.AsBytes(length.AsSpan()));
        byte[] bytes = IsFirst ? own ?? [] : new byte[length[0]];
        for (int at = 0; at < bytes.Length; at += LargestPart)
            BroadcastBytes(bytes.AsSpan(at, Math.Min(LargestPart, bytes.Length - at)));
        Count(began);
        return bytes;
    }

    /// <summary>Gives every rank the text that rank 0 has.</summary>
    /// <exception cref="ExchangeException">Another process does not answer, or the library failed.</exception>
    public string Broadcast(string own) => Encoding.UTF8.GetString(Broadcast(IsFirst ? Encoding.UTF8.GetBytes(own) : null));

    /// <summary>
    /// Waits until all ranks are here, however long one of them works on its own: for work whose length nobody knows, such as tensors that
    /// are computed once. The deadline is <paramref name="patience"/> in place of <see cref="Timeout"/>.
    /// </summary>
    /// <exception cref="ExchangeException">Another process does not come.</exception>
    public void Wait(TimeSpan patience)
    {
        TimeSpan usual = Timeout;
        Timeout = patience > usual ? patience : usual;
        try
        {
            Gather<byte>([1], new byte[Size]);
        }
        finally
        {
            Timeout = usual;
        }
    }

    /// <summary>Which rank on which machine: <c>rank 1 (node07)</c>.</summary>
    public string NameOf(int rank) => $"rank {rank} ({Hosts[rank]})";

    /// <summary>Ends all processes at once, because this one failed.</summary>
    /// <param name="code">The exit code.</param>
    public virtual void Abort(int code)
    {
    }

    /// <summary>Leaves the others; all ranks do so when the work is done.</summary>
    public void Dispose()
    {
        Leave();
        GC.SuppressFinalize(this);
    }

    /// <summary>Gathers the machines' names; the last thing that a constructor does.</summary>
    protected void Meet() => _hosts = [.. Gather(Encoding.UTF8.GetBytes(Environment.MachineName)).Select(Encoding.UTF8.GetString)];

    /// <summary>As <see cref="Gather{T}"/>, of bytes.</summary>
    protected abstract void GatherBytes(ReadOnlySpan<byte> own, Span<byte> all);

    /// <summary>As <see cref="Exchange"/>, of bytes.</summary>
    protected abstract void ExchangeBytes(ReadOnlySpan<byte> send, Span<byte> received);

    /// <summary>As <see cref="Sum"/>, of a part.</summary>
    protected abstract void SumFloats(Span<float> values);

    /// <summary>Overwrites <paramref name="bytes"/> at all ranks by what rank 0 has.</summary>
    protected abstract void BroadcastBytes(Span<byte> bytes);

    /// <summary>Gives the library back.</summary>
    protected virtual void Leave()
    {
    }

    private void Count(long began) => _ticks += Stopwatch.GetTimestamp() - began;

    private sealed class SingleProcess : Collective
    {
        public override int Rank => 0;

        public override int Size => 1;

        public override string Library => "one process";

        protected override void GatherBytes(ReadOnlySpan<byte> own, Span<byte> all) => own.CopyTo(all);

        protected override void ExchangeBytes(ReadOnlySpan<byte> send, Span<byte> received) => send.CopyTo(received);

        protected override void SumFloats(Span<float> values)
        {
        }

        protected override void BroadcastBytes(Span<byte> bytes)
        {
        }
    }
}
