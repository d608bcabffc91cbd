using AdaptFormer.Peft;

namespace AdaptFormer.Inference;

/// <summary>What one task says about one picture or clip.</summary>
/// <param name="Task">The task's name.</param>
/// <param name="Info">What the task's file says about itself: the method, the names of the classes.</param>
/// <param name="Logits">[K], f32; of a clip, the mean of its views.</param>
public sealed record TaskAnswer(string Task, AdapterInfo Info, float[] Logits)
{
    /// <summary>The most probable classes, best first.</summary>
    /// <param name="topK">How many at most, at least 1.</param>
    /// <param name="threshold">
    /// Least probability of a class that is named; null: 0.5 where there may be several classes, else 0.
    /// </param>
    public IReadOnlyList<ClassScore> Best(int topK = 5, double? threshold = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        return ClassScores.Best(Logits, Info.Labels, Info.MultiLabel, topK, threshold);
    }
}

/// <summary>A picture or clip with the task that it is asked.</summary>
/// <param name="Input">The picture or clip.</param>
/// <param name="Task">The task's name.</param>
public sealed record TaskQuestion(VisualInput Input, string Task);

/// <summary>A task of a bank.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Info">What its file says about itself.</param>
/// <param name="Version">How many files have been read under this name.</param>
/// <param name="IsResident">Whether its numbers are in memory; otherwise they are read again when somebody asks.</param>
/// <param name="Bytes">Bytes of memory that it holds.</param>
/// <param name="IsTested">Whether it has answered its self-test; that is done at a spare moment, and ahead of the first answer.</param>
public sealed record BankedTask(string Name, AdapterInfo Info, int Version, bool IsResident, long Bytes, bool IsTested);
