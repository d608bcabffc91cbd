using AdaptFormer.Tensors;

namespace AdaptFormer.Training.Loop;

/// <summary>What one process tells the others at the end of a step.</summary>
internal sealed class StepShare
{
    /// <summary>What was seen of its batches, in order.</summary>
    public List<SeenBatch> Batches { get; init; } = [];

    /// <summary>Whether it was asked to stop.</summary>
    public bool Stop { get; set; }

    /// <summary>Seconds of this epoch that it waited for data, waited for others, and all.</summary>
    public (double Loading, double Waiting, double All) Times { get; set; }

    /// <summary>Packs it.</summary>
    /// <param name="buffers">The model's running statistics, which are sent by their numbers.</param>
    public byte[] ToBytes(IReadOnlyDictionary<Parameter, int> buffers)
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        writer.Write(Stop);
        writer.Write(Times.Loading);
        writer.Write(Times.Waiting);
        writer.Write(Times.All);
        writer.Write(Batches.Count);
        foreach (SeenBatch batch in Batches) batch.Write(writer, buffers);
        writer.Flush();
        return stream.ToArray();
    }

    /// <summary>Reads what <see cref="ToBytes"/> packed.</summary>
    public static StepShare Of(byte[] bytes, IReadOnlyList<Parameter> buffers)
    {
        using BinaryReader reader = new(new MemoryStream(bytes));
        StepShare share = new()
        {
            Stop = reader.ReadBoolean(),
            Times = (reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble()),
        };
        for (int left = reader.ReadInt32(); left > 0; left--) share.Batches.Add(SeenBatch.Read(reader, buffers));
        return share;
    }
}

/// <summary>What was seen of one training batch.</summary>
/// <param name="Loss">Its mean loss.</param>
/// <param name="Count">Its pictures.</param>
/// <param name="Figures">What the task added, in order.</param>
/// <param name="Moves">What it does to running statistics.</param>
internal sealed record SeenBatch(
    double Loss, int Count, IReadOnlyList<(string Name, double Value, int Count)> Figures, IReadOnlyList<RunningMove> Moves)
{
    public void Write(BinaryWriter writer, IReadOnlyDictionary<Parameter, int> buffers)
    {
        writer.Write(Loss);
        writer.Write(Count);
        writer.Write(Figures.Count);
        foreach ((string name, double value, int count) in Figures)
        {
            writer.Write(name);
            writer.Write(value);
            writer.Write(count);
        }

        writer.Write(Moves.Count);
        foreach (RunningMove move in Moves)
        {
            writer.Write(buffers[move.Running]);
            writer.Write(move.Share ?? float.NaN);
            writer.Write(move.Value.Length);
            foreach (float value in move.Value) writer.Write(value);
        }
    }

    public static SeenBatch Read(BinaryReader reader, IReadOnlyList<Parameter> buffers)
    {
        (double loss, int count) = (reader.ReadDouble(), reader.ReadInt32());
        var figures = new (string, double, int)[reader.ReadInt32()];
        for (int i = 0; i < figures.Length; i++) figures[i] = (reader.ReadString(), reader.ReadDouble(), reader.ReadInt32());
        RunningMove[] moves = new RunningMove[reader.ReadInt32()];
        for (int i = 0; i < moves.Length; i++)
        {
            (int buffer, float share) = (reader.ReadInt32(), reader.ReadSingle());
            float[] values = new float[reader.ReadInt32()];
            for (int at = 0; at < values.Length; at++) values[at] = reader.ReadSingle();
            moves[i] = new RunningMove(buffers[buffer], values, float.IsNaN(share) ? null : share);
        }

        return new SeenBatch(loss, count, figures, moves);
    }
}
