namespace AdaptFormer.Inference;

/// <summary>A class and how probable it is.</summary>
/// <param name="Label">The class's name.</param>
/// <param name="Index">Its number, from 0.</param>
/// <param name="Probability">Softmax of the logits, or each one's sigmoid where a picture may have several classes; in [0, 1].</param>
public sealed record ClassScore(string Label, int Index, double Probability);

/// <summary>What is on a picture or in a clip, or why that is not known.</summary>
/// <param name="Path">The picture's or video's file, or the folder of the clip's frames.</param>
/// <param name="Classes">The most probable classes, best first; empty when it could not be read.</param>
/// <param name="Error">Why it could not be read; null when it could.</param>
public sealed record Prediction(string Path, IReadOnlyList<ClassScore> Classes, string? Error);
