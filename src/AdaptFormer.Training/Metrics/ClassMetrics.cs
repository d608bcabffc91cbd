
namespace AdaptFormer.Training.Metrics;

/// <summary>
/// How well one class is told from all others. Numbers are percent; scikit-learn's <c>precision_recall_fscore_support</c> (with
/// <c>zero_division=0</c>) and <c>roc_auc_score</c> give the same.
/// </summary>
/// <param name="Class">Its index.</param>
/// <param name="Items">Readable items that have it.</param>
/// <param name="Answered">Readable items that were answered with it.</param>
/// <param name="Precision">Share of those answers that were right; 0 if there were none, null if the class does not occur at all.</param>
/// <param name="Recall">Share of its items that were answered with it; 0 without items, null if the class does not occur at all.</param>
/// <param name="F1">Harmonic mean of both; null if the class does not occur at all.</param>
/// <param name="Auc">
/// Area under the ROC curve of this class against the rest: how often an item of it has a higher score than another item. Null without
/// items, without others, or where scores were not kept.
/// </param>
public sealed record ClassMetrics(int Class, int Items, int Answered, double? Precision, double? Recall, double? F1, double? Auc)
{
    /// <summary>The figures of a class from counts.</summary>
    /// <param name="index">The class.</param>
    /// <param name="items">Items that have it.</param>
    /// <param name="answered">Items answered with it.</param>
    /// <param name="both">Items of both kinds.</param>
    /// <param name="auc">The area, as a fraction.</param>
    internal static ClassMetrics Of(int index, int items, int answered, int both, double? auc)
    {
        bool occurs = items + answered > 0;
        return new ClassMetrics(
            index, items, answered, Percent(both, answered), Percent(both, items), Percent(2 * both, items + answered), 100 * auc);

        double? Percent(int count, int of) => !occurs ? null : of == 0 ? 0 : 100.0 * count / of;
    }
}

/// <summary>Means over the classes that occur, each class counting as much as any other, in percent; null where no class has the
/// figure.</summary>
/// <param name="Precision">Mean precision.</param>
/// <param name="Recall">Mean recall; also called balanced accuracy.</param>
/// <param name="F1">Mean of the classes' F1.</param>
/// <param name="Auc">Mean area under the ROC curves of each class against the rest.</param>
public readonly record struct MacroMetrics(double? Precision, double? Recall, double? F1, double? Auc)
{
    /// <summary>The means of <paramref name="classes"/>.</summary>
    public static MacroMetrics Of(IReadOnlyList<ClassMetrics> classes) => new(
        classes.Average(one => one.Precision), classes.Average(one => one.Recall), classes.Average(one => one.F1),
        classes.Average(one => one.Auc));
}
