using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Tensors;

/// <summary>The numbers of one step of Adam; see <see cref="AdamStepCall"/>.</summary>
/// <param name="Beta1">β₁.</param>
/// <param name="Intake1">1 − β₁.</param>
/// <param name="Beta2">β₂.</param>
/// <param name="Intake2">1 − β₂.</param>
/// <param name="Eps">ε.</param>
/// <param name="L2">Weight decay through the gradient.</param>
/// <param name="Keep">Decoupled weight decay: 1 − lr·decay.</param>
/// <param name="Step">lr/(1 − β₁ᵗ).</param>
/// <param name="Root">√(1 − β₂ᵗ).</param>
public readonly record struct AdamSettings(
    float Beta1, float Intake1, float Beta2, float Intake2, float Eps, float L2, float Keep, float Step, float Root);

/// <summary>The numbers of one step of gradient descent; see <see cref="SgdStepCall"/>.</summary>
/// <param name="Lr">Learning rate.</param>
/// <param name="Decay">Weight decay through the gradient.</param>
/// <param name="Momentum">μ.</param>
/// <param name="Intake">Share of the gradient that enters the momentum.</param>
/// <param name="Nesterov">Whether the step looks ahead.</param>
public readonly record struct SgdSettings(float Lr, float Decay, float Momentum, float Intake, bool Nesterov);
