using AdaptFormer.Data.Images;

namespace AdaptFormer.Data.Video;

/// <summary>What ffprobe says of a video.</summary>
/// <param name="Width">Pixels per row, as stored.</param>
/// <param name="Height">Rows, as stored.</param>
/// <param name="Frames">Number of frames that can be decoded.</param>
/// <param name="FramesPerSecond">Mean rate; 0 if unknown.</param>
public sealed record VideoInfo(int Width, int Height, int Frames, double FramesPerSecond)
{
    /// <summary>How the frames are to be shown.</summary>
    public Orientation Orientation { get; init; } = Orientation.Normal;

    /// <summary>What the decoder complained of while it counted; null of a sound file.</summary>
    public string? Damage { get; init; }
}
